/*
 * A FUSE file system that shows another directory, and in which any operation can be made to hang.
 *
 *   passthrough DIRECTORY CONTROL MOUNTPOINT [FUSE OPTIONS]
 *
 * While CONTROL/hang.OPERATION exists, that operation hangs; CONTROL/pending.OPERATION is made when one does. CONTROL/delay.OPERATION holds a number of
 * milliseconds that the operation takes longer. Nothing is cached, so each call arrives here.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

static int top;
static int control;

static void pass(const char *operation) {
	char hang[64], pending[64], delay[64], text[16] = "";
	snprintf(hang, sizeof hang, "hang.%s", operation);
	snprintf(pending, sizeof pending, "pending.%s", operation);
	snprintf(delay, sizeof delay, "delay.%s", operation);
	int fd = openat(control, delay, O_RDONLY);
	if (fd >= 0) {
		if (read(fd, text, sizeof text - 1) > 0) usleep(atoi(text) * 1000);
		close(fd);
	}
	if (faccessat(control, hang, F_OK, 0) != 0) return;
	close(openat(control, pending, O_WRONLY | O_CREAT, 0600));
	while (faccessat(control, hang, F_OK, 0) == 0) usleep(2000);
}

static const char *below(const char *path) { return path[1] == '\0' ? "." : path + 1; }
static int result(int answer) { return answer < 0 ? -errno : answer; }

static void *begin(struct fuse_conn_info *connection, struct fuse_config *config) {
	(void)connection;
	config->use_ino = 1;
	config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
	config->hard_remove = 1;
	return NULL;
}

static int do_getattr(const char *path, struct stat *found, struct fuse_file_info *file) {
	pass("getattr");
	return result(file ? fstat(file->fh, found) : fstatat(top, below(path), found, AT_SYMLINK_NOFOLLOW));
}
static int do_readlink(const char *path, char *target, size_t size) {
	pass("readlink");
	ssize_t length = readlinkat(top, below(path), target, size - 1);
	if (length < 0) return -errno;
	target[length] = '\0';
	return 0;
}
static int do_mkdir(const char *path, mode_t mode) { pass("mkdir"); return result(mkdirat(top, below(path), mode)); }
static int do_unlink(const char *path) { pass("unlink"); return result(unlinkat(top, below(path), 0)); }
static int do_rmdir(const char *path) { pass("rmdir"); return result(unlinkat(top, below(path), AT_REMOVEDIR)); }
static int do_symlink(const char *target, const char *path) { pass("symlink"); return result(symlinkat(target, top, below(path))); }
static int do_rename(const char *from, const char *to, unsigned flags) {
	pass("rename");
	return result(renameat2(top, below(from), top, below(to), flags));
}
static int do_link(const char *from, const char *to) { pass("link"); return result(linkat(top, below(from), top, below(to), 0)); }
static int do_chmod(const char *path, mode_t mode, struct fuse_file_info *file) {
	pass("chmod");
	return result(file ? fchmod(file->fh, mode) : fchmodat(top, below(path), mode, 0));
}
static int do_truncate(const char *path, off_t size, struct fuse_file_info *file) {
	pass("truncate");
	if (file) return result(ftruncate(file->fh, size));
	int fd = openat(top, below(path), O_WRONLY);
	int answer = fd < 0 ? -errno : result(ftruncate(fd, size));
	if (fd >= 0) close(fd);
	return answer;
}
static int opened(int fd, struct fuse_file_info *file) {
	if (fd < 0) return -errno;
	file->fh = fd;
	file->direct_io = 0;
	file->keep_cache = 0;
	return 0;
}
static int do_open(const char *path, struct fuse_file_info *file) {
	pass("open");
	return opened(openat(top, below(path), file->flags & ~(O_NOFOLLOW | O_NONBLOCK)), file);
}
static int do_create(const char *path, mode_t mode, struct fuse_file_info *file) {
	pass("create");
	return opened(openat(top, below(path), file->flags & ~O_NONBLOCK, mode), file);
}
static int do_read(const char *path, char *into, size_t size, off_t offset, struct fuse_file_info *file) {
	(void)path;
	pass("read");
	return result(pread(file->fh, into, size, offset));
}
static int do_write(const char *path, const char *from, size_t size, off_t offset, struct fuse_file_info *file) {
	(void)path;
	pass("write");
	return result(pwrite(file->fh, from, size, offset));
}
static int do_statfs(const char *path, struct statvfs *found) { (void)path; pass("statfs"); return result(fstatvfs(top, found)); }
static int do_flush(const char *path, struct fuse_file_info *file) { (void)path; (void)file; pass("flush"); return 0; }
static int do_release(const char *path, struct fuse_file_info *file) { (void)path; pass("release"); close(file->fh); return 0; }
static int do_fsync(const char *path, int data, struct fuse_file_info *file) {
	(void)path; (void)data;
	pass("fsync");
	return result(fsync(file->fh));
}
static int do_setxattr(const char *path, const char *name, const char *value, size_t size, int flags) {
	pass("setxattr");
	int fd = openat(top, below(path), O_RDONLY);
	int answer = fd < 0 ? -errno : result(fsetxattr(fd, name, value, size, flags));
	if (fd >= 0) close(fd);
	return answer;
}
static int do_getxattr(const char *path, const char *name, char *value, size_t size) {
	pass("getxattr");
	int fd = openat(top, below(path), O_RDONLY);
	int answer = fd < 0 ? -errno : result(fgetxattr(fd, name, value, size));
	if (fd >= 0) close(fd);
	return answer;
}
static int do_listxattr(const char *path, char *names, size_t size) {
	pass("listxattr");
	int fd = openat(top, below(path), O_RDONLY);
	int answer = fd < 0 ? -errno : result(flistxattr(fd, names, size));
	if (fd >= 0) close(fd);
	return answer;
}
static int do_removexattr(const char *path, const char *name) {
	pass("removexattr");
	int fd = openat(top, below(path), O_RDONLY);
	int answer = fd < 0 ? -errno : result(fremovexattr(fd, name));
	if (fd >= 0) close(fd);
	return answer;
}
static int do_opendir(const char *path, struct fuse_file_info *file) {
	pass("opendir");
	int fd = openat(top, below(path), O_RDONLY | O_DIRECTORY);
	if (fd < 0) return -errno;
	file->fh = (uintptr_t)fdopendir(fd);
	return 0;
}
static int do_readdir(const char *path, void *into, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *file, enum fuse_readdir_flags flags) {
	(void)path; (void)offset; (void)flags;
	pass("readdir");
	DIR *directory = (DIR *)(uintptr_t)file->fh;
	rewinddir(directory);
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		struct stat found = { .st_ino = entry->d_ino, .st_mode = (mode_t)entry->d_type << 12 };
		if (fill(into, entry->d_name, &found, 0, 0)) break;
	}
	return 0;
}
static int do_releasedir(const char *path, struct fuse_file_info *file) {
	(void)path;
	closedir((DIR *)(uintptr_t)file->fh);
	return 0;
}
static int do_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *file) {
	pass("utimens");
	return result(file ? futimens(file->fh, times) : utimensat(top, below(path), times, AT_SYMLINK_NOFOLLOW));
}
static int do_fallocate(const char *path, int mode, off_t offset, off_t length, struct fuse_file_info *file) {
	(void)path;
	pass("fallocate");
	return result(fallocate(file->fh, mode, offset, length));
}
static off_t do_lseek(const char *path, off_t offset, int whence, struct fuse_file_info *file) {
	(void)path;
	pass("lseek");
	off_t answer = lseek(file->fh, offset, whence);
	return answer < 0 ? -errno : answer;
}

static const struct fuse_operations operations = {
	.init = begin, .getattr = do_getattr, .readlink = do_readlink, .mkdir = do_mkdir, .unlink = do_unlink, .rmdir = do_rmdir, .symlink = do_symlink,
	.rename = do_rename, .link = do_link, .chmod = do_chmod, .truncate = do_truncate, .open = do_open, .create = do_create, .read = do_read,
	.write = do_write, .statfs = do_statfs, .flush = do_flush, .release = do_release, .fsync = do_fsync, .setxattr = do_setxattr,
	.getxattr = do_getxattr, .listxattr = do_listxattr, .removexattr = do_removexattr, .opendir = do_opendir, .readdir = do_readdir,
	.releasedir = do_releasedir, .utimens = do_utimens, .fallocate = do_fallocate, .lseek = do_lseek,
};

int main(int count, char **words) {
	if (count < 4) {
		fprintf(stderr, "passthrough DIRECTORY CONTROL MOUNTPOINT [FUSE OPTIONS]\n");
		return 2;
	}
	top = open(words[1], O_PATH | O_DIRECTORY);
	control = open(words[2], O_PATH | O_DIRECTORY);
	if (top < 0 || control < 0) {
		perror("passthrough");
		return 1;
	}
	words[2] = words[0];
	return fuse_main(count - 2, words + 2, &operations, NULL);
}
