/*
 * ring3-exec: carries the netfilter sockets of an unmodified program to ring3 instead of the kernel.
 *
 * Loaded by LD_PRELOAD. A socket(AF_NETLINK, …, NETLINK_NETFILTER) becomes a real AF_UNIX SEQPACKET socket connected to ring3's netlink socket, with one
 * netlink datagram per packet, so the kernel still does poll, fcntl, dup, fork, close, MSG_PEEK, MSG_TRUNC and socket filters. For operations that the two
 * kinds of socket do not have in common, the library sends a request to ring3 over the socket itself, with one end of a new socket pair, on which ring3
 * sends its answer, the end mark, when it has queued everything that precedes it. A request needs no thread, no lock and no permanent channel, and a process
 * that forks, execs or has threads needs nothing else: the names of the descriptors, which the kernel keeps, say which of them are ours.
 *
 * The packets are described in packages/netlink/src/links/unix/packets.ts.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))
#define WAIT_SECONDS 5

#ifndef SO_RCVBUFFORCE
#define SO_RCVBUFFORCE 33
#endif
#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* ---- the next definition of each function, which ours hides ---- */

#define NEXT(name) ((__typeof__(&name))next(&next_##name, #name))
#define DECLARE_NEXT(name) static void *next_##name

DECLARE_NEXT(socket);
DECLARE_NEXT(bind);
DECLARE_NEXT(connect);
DECLARE_NEXT(getsockname);
DECLARE_NEXT(getpeername);
DECLARE_NEXT(getsockopt);
DECLARE_NEXT(setsockopt);
DECLARE_NEXT(send);
DECLARE_NEXT(sendto);
DECLARE_NEXT(sendmsg);
DECLARE_NEXT(sendmmsg);
DECLARE_NEXT(recv);
DECLARE_NEXT(recvfrom);
DECLARE_NEXT(recvmsg);
DECLARE_NEXT(recvmmsg);

static void *next(void **kept, const char *name) {
  void *found = __atomic_load_n(kept, __ATOMIC_RELAXED);
  if (found == NULL) {
    found = dlsym(RTLD_NEXT, name);
    if (found == NULL) abort();
    __atomic_store_n(kept, found, __ATOMIC_RELAXED);
  }
  return found;
}

/* ---- the packets ---- */

enum kind { HELLO = 1, DATA, BIND, CONNECT, NAME, SET_OPTION, GET_OPTION, PULL, BOARD, PEER };

#define MAGIC 0x336c6e72u /* "rnl3" */
#define VERSION 1
#define ADDRESSED 1u /* DATA, CONNECT: the program gave a destination */

struct request {
  uint32_t magic;
  uint16_t kind;
  uint16_t flags;
  uint32_t process; /* the caller's process id, as it sees it */
  uint32_t largest; /* the largest receive buffer that this socket has used */
  uint32_t first;   /* BIND, DATA: port id; options: level; HELLO: version */
  uint32_t second;  /* BIND, DATA: groups; options: name; HELLO: SOCK_RAW or SOCK_DGRAM */
};

#define BODY 256
struct answer {
  int32_t error; /* 0 or an errno */
  uint32_t first;
  uint32_t second;
  uint32_t length; /* bytes of the body */
  unsigned char body[BODY];
};
#define ANSWER_HEAD offsetof(struct answer, body)

enum pulling { NO_PULL, ALWAYS, WHEN_EMPTY };

/* One line of the board, a page that ring3 shares with the processes: the state that a receive needs without a request. */
struct slot {
  uint32_t lost;     /* ring3 counts up when datagrams were lost … */
  uint32_t reported; /* … and the receiver that returned ENOBUFS stores how far it reported them */
  uint32_t pull;     /* ring3: a dump continues when something (ALWAYS) or everything (WHEN_EMPTY) was received */
  uint32_t largest;  /* the largest receive buffer used */
};

/* ---- which descriptors are ours: those with such a name of their own ---- */

/* "\0ring3-netlink/" server (16 hex) "/" slot (8 hex) "/" type (1 digit) */
#define PREFIX "ring3-netlink/"
#define PREFIX_LENGTH (sizeof PREFIX - 1)
#define SERVER_DIGITS 16
#define NAME_LENGTH (1 + PREFIX_LENGTH + SERVER_DIGITS + 1 + 8 + 1 + 1)

struct mark {
  char server[SERVER_DIGITS];
  uint32_t slot;
  int type;
};

static int marked(int fd, struct mark *mark) {
  struct sockaddr_un name;
  socklen_t length = sizeof name;
  int before = errno;
  if (NEXT(getsockname)(fd, (struct sockaddr *)&name, &length) != 0) {
    errno = before;
    return 0;
  }
  if (name.sun_family != AF_UNIX || length != offsetof(struct sockaddr_un, sun_path) + NAME_LENGTH) return 0;
  if (name.sun_path[0] != 0 || memcmp(name.sun_path + 1, PREFIX, PREFIX_LENGTH) != 0) return 0;
  const char *at = name.sun_path + 1 + PREFIX_LENGTH;
  memcpy(mark->server, at, SERVER_DIGITS);
  at += SERVER_DIGITS + 1;
  mark->slot = 0;
  for (int i = 0; i < 8; i++) mark->slot = mark->slot << 4 | (uint32_t)(at[i] <= '9' ? at[i] - '0' : at[i] - 'a' + 10);
  mark->type = at[9] - '0';
  return 1;
}

static int name_ours(int fd, const char *server, uint32_t slot, int type) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  char text[NAME_LENGTH + 1];
  snprintf(text, sizeof text, "%s%.*s/%08x/%d", PREFIX, SERVER_DIGITS, server, slot, type);
  memcpy(name.sun_path + 1, text, NAME_LENGTH - 1);
  return NEXT(bind)(fd, (struct sockaddr *)&name, offsetof(struct sockaddr_un, sun_path) + NAME_LENGTH);
}

/* ---- asking ring3 ---- */

static int64_t milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits regardless of signals, as a send to the kernel does. Returns 0 after the time limit. */
static int wait_for(int fd, short events, int64_t deadline) {
  for (;;) {
    int64_t left = deadline - milliseconds();
    if (left <= 0) return 0;
    struct pollfd one = {.fd = fd, .events = events};
    int ready = poll(&one, 1, (int)left);
    if (ready > 0) return 1;
    if (ready == 0) return 0;
    if (errno != EINTR) return 0;
  }
}

/* Sends the request with one end of a pair. 0 or an errno. */
static int send_request(int fd, struct iovec *pieces, size_t count, int reply, int64_t deadline) {
  union {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count, .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(head), &reply, sizeof reply);
  for (;;) {
    if (NEXT(sendmsg)(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 0;
    if (errno == EINTR) continue;
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) return ECONNREFUSED;
    if (errno != EAGAIN && errno != ETOOMANYREFS) return errno;
    if (!wait_for(fd, POLLOUT, deadline)) return ECONNREFUSED;
  }
}

/* Receives the answer, and the descriptor that came with it, if any. Returns 0 or an errno. */
static int take_answer(int fd, struct answer *answer, int *descriptor, int64_t deadline) {
  union {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec piece = {.iov_base = answer, .iov_len = sizeof *answer};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  if (!wait_for(fd, POLLIN, deadline)) return ECONNREFUSED;
  ssize_t length = NEXT(recvmsg)(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < (ssize_t)ANSWER_HEAD) return ECONNREFUSED; /* the other end is closed */
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
    int received;
    memcpy(&received, CMSG_DATA(head), sizeof received);
    if (descriptor != NULL) *descriptor = received;
    else close(received);
  }
  if (answer->length > (size_t)length - ANSWER_HEAD) return ECONNREFUSED;
  return answer->error;
}

/*
 * Sends a request to ring3 over one of our sockets and waits at most 5 seconds for its answer. `pieces[0]` is reserved for the request.
 * Returns 0 or an errno: ECONNREFUSED if no answer came.
 */
static int ask(int fd, struct request *request, struct iovec *pieces, size_t count, struct answer *answer, int *descriptor) {
  struct answer scratch;
  struct iovec alone[1];
  int pair[2];
  int64_t deadline = milliseconds() + WAIT_SECONDS * 1000;
  if (pieces == NULL) {
    pieces = alone;
    count = 1;
  }
  request->magic = MAGIC;
  request->process = (uint32_t)getpid();
  pieces[0] = (struct iovec){.iov_base = request, .iov_len = sizeof *request};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return errno;
  int error = send_request(fd, pieces, count, pair[1], deadline);
  close(pair[1]);
  if (error == 0) error = take_answer(pair[0], answer == NULL ? &scratch : answer, descriptor, deadline);
  close(pair[0]);
  return error;
}

static int fail(int error) {
  errno = error;
  return -1;
}

/* Sends a request of which only success or failure matters, and keeps errno on success. */
static int simply(int fd, struct request request, const void *value, size_t length, struct answer *answer) {
  struct iovec pieces[2] = {{0}, {.iov_base = (void *)(uintptr_t)value, .iov_len = length}};
  int before = errno;
  int error = ask(fd, &request, pieces, value == NULL ? 1 : 2, answer, NULL);
  if (error != 0) return fail(error);
  errno = before;
  return 0;
}

/* ---- the board ---- */

struct board {
  char server[SERVER_DIGITS]; /* then 48 bytes unused, so that a slot never crosses a cache line */
  char unused[48];
  struct slot slots[];
};
static struct board *board;
static size_t board_slots;

/* Maps the board that came with an answer. The loser of a race unmaps its own. */
static void adopt_board(int descriptor) {
  struct stat status;
  if (fstat(descriptor, &status) == 0 && status.st_size >= (off_t)sizeof(struct board)) {
    void *mapped = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (mapped != MAP_FAILED) {
      struct board *before = __atomic_load_n(&board, __ATOMIC_ACQUIRE);
      size_t slots = ((size_t)status.st_size - sizeof(struct board)) / sizeof(struct slot);
      if (before == NULL) board_slots = slots;
      if (before != NULL || !__atomic_compare_exchange_n(&board, &before, mapped, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        munmap(mapped, (size_t)status.st_size);
    }
  }
  close(descriptor);
}

/* Returns the socket's line, or NULL if there is none. A process that was exec'd with the descriptor asks for the board once. */
static struct slot *slot_of(int fd, const struct mark *mark) {
  struct board *mapped = __atomic_load_n(&board, __ATOMIC_ACQUIRE);
  if (mapped == NULL) {
    struct request request = {.kind = BOARD};
    int descriptor = -1;
    int before = errno;
    if (ask(fd, &request, NULL, 0, NULL, &descriptor) == 0 && descriptor >= 0) adopt_board(descriptor);
    errno = before;
    mapped = __atomic_load_n(&board, __ATOMIC_ACQUIRE);
  }
  if (mapped == NULL || mark->slot >= board_slots || memcmp(mapped->server, mark->server, SERVER_DIGITS) != 0) return NULL;
  return &mapped->slots[mark->slot];
}

static uint32_t largest_of(int fd, const struct mark *mark) {
  struct slot *slot = slot_of(fd, mark);
  return slot == NULL ? 0 : __atomic_load_n(&slot->largest, __ATOMIC_RELAXED);
}

/* Whether datagrams were lost and the loss was not reported yet: true once. */
static int lost_some(struct slot *slot) {
  uint32_t lost = __atomic_load_n(&slot->lost, __ATOMIC_ACQUIRE);
  return __atomic_exchange_n(&slot->reported, lost, __ATOMIC_ACQ_REL) != lost;
}

/* ---- the start of a process ---- */

static char server_path[sizeof ((struct sockaddr_un *)0)->sun_path];
static char namespace_name[BODY];
/* The user of the listener that `ring3 exec` checked, and this user at the start of the process. */
static uid_t server_owner, own_user;
static int started;

static void refuse(const char *why) {
  static const char start[] = "ring3 exec: ";
  if (write(2, start, sizeof start - 1) >= 0 && write(2, why, strlen(why)) >= 0 && write(2, "\n", 1) >= 0) _exit(126);
  _exit(126);
}

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define COMPAT AUDIT_ARCH_I386
#define COMPAT_SOCKET 359
#define COMPAT_SOCKETCALL 102
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define NATIVE AUDIT_ARCH_AARCH64
#define COMPAT AUDIT_ARCH_ARM
#define COMPAT_SOCKET 281
#define COMPAT_SOCKETCALL 102
#else
#error "ring3 exec knows x86-64 and little-endian AArch64"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF_EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define DENIED EPROTONOSUPPORT /* what a kernel without nfnetlink answers */
/* The same numbers on every architecture, and in its 32-bit half. */
#define IO_URING_SETUP 425
#define IO_URING_ENTER 426
#define IO_URING_REGISTER 427
#define PIDFD_GETFD 438
#define UNMAPPED 65534 /* the default of /proc/sys/kernel/overflowuid */

/*
 * Fails netfilter sockets that bypass this library: by a system call of the program itself, or in a static program that it starts. io_uring makes sockets that
 * no filter sees (IORING_OP_SOCKET, Linux 5.19), so it is not available, not even on an existing ring; pidfd_getfd(2) would take the socket of a process
 * outside.
 */
static struct sock_filter no_netfilter[] = {
    /* 0 */ LOAD(nr),
    /* 1 */ BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xbfffffff), /* x32 has the same numbers with a bit */
    /* 2 */ IF_EQUAL(IO_URING_SETUP, 20, 0),
    /* 3 */ IF_EQUAL(IO_URING_ENTER, 19, 0),
    /* 4 */ IF_EQUAL(IO_URING_REGISTER, 18, 0),
    /* 5 */ IF_EQUAL(PIDFD_GETFD, 18, 0),
    /* 6 */ LOAD(arch),
    /* 7 */ IF_EQUAL(NATIVE, 6, 0),
    /* 8 */ IF_EQUAL(COMPAT, 0, 12),
    /* 9 */ LOAD(nr),
    /* 10 */ IF_EQUAL(COMPAT_SOCKET, 6, 0),
    /* 11 */ IF_EQUAL(COMPAT_SOCKETCALL, 0, 9),
    /* 12 */ LOAD(args[0]),
    /* 13 */ IF_EQUAL(1 /* SYS_SOCKET, whose arguments no filter can read */, 8, 7),
    /* 14 */ LOAD(nr),
    /* 15 */ BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xbfffffff),
    /* 16 */ IF_EQUAL(__NR_socket, 0, 4),
    /* 17 */ LOAD(args[0]),
    /* 18 */ IF_EQUAL(AF_NETLINK, 0, 2),
    /* 19 */ LOAD(args[2]),
    /* 20 */ IF_EQUAL(NETLINK_NETFILTER, 1, 0),
    /* 21 */ RETURN(SECCOMP_RET_ALLOW),
    /* 22 */ RETURN(SECCOMP_RET_ERRNO | DENIED),
    /* 23 */ RETURN(SECCOMP_RET_ERRNO | ENOSYS), /* what a kernel without io_uring answers */
    /* 24 */ RETURN(SECCOMP_RET_ERRNO | EPERM),
};

static void close_the_kernel(void) {
  /* The kernel rejects type 0 with another error, so this shows whether the filter is installed already: fork and exec keep it. */
  if (syscall(SYS_socket, AF_NETLINK, 0, NETLINK_NETFILTER) < 0 && errno == DENIED) return;
  struct sock_fprog program = {.len = sizeof no_netfilter / sizeof *no_netfilter, .filter = no_netfilter};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0) return;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0) return;
  refuse("this machine lets no seccomp filter be installed, so a program could reach the kernel's own tables");
}

/* Whether the main program is Go's: it has a note of that name, and makes its system calls without the C library. */
static int is_go(struct dl_phdr_info *object, size_t size, void *found) {
  (void)size;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &object->dlpi_phdr[i];
    if (header->p_type != PT_NOTE) continue;
    const unsigned char *at = (const unsigned char *)(object->dlpi_addr + header->p_vaddr), *end = at + header->p_memsz;
    while (end - at >= (ptrdiff_t)sizeof(ElfW(Nhdr))) {
      ElfW(Nhdr) note;
      memcpy(&note, at, sizeof note);
      size_t name = ((size_t)note.n_namesz + 3) & ~(size_t)3, content = ((size_t)note.n_descsz + 3) & ~(size_t)3;
      if (name + content > (size_t)(end - at) - sizeof note) break;
      if (note.n_namesz == 4 && memcmp(at + sizeof note, "Go", 3) == 0) *(int *)found = 1;
      at += sizeof note + name + content;
    }
  }
  return 1; /* the first object is the program; the others are ignored */
}

static void warn_of_go(void) {
  static const char why[] = "ring3 exec: a Go program makes its system calls itself: exec does not carry its netfilter sockets, they fail\n";
  int found = 0;
  dl_iterate_phdr(is_go, &found);
  if (found && write(2, why, sizeof why - 1) < 0) return;
}

/* Also called by a socket() that another library's constructor makes before ours runs. */
__attribute__((constructor)) static void start(void) {
  if (started) return;
  started = 1;
  const char *path = getenv("RING3_EXEC_SOCKET");
  const char *name = getenv("RING3_EXEC_NAMESPACE"), *owner = getenv("RING3_EXEC_OWNER");
  int before = errno;
  if (path == NULL) return;
  own_user = geteuid();
  server_owner = owner == NULL ? own_user : (uid_t)strtoul(owner, NULL, 10);
  if (strlen(path) >= sizeof server_path) refuse("RING3_EXEC_SOCKET is too long for a socket's name");
  if (name != NULL && strlen(name) >= sizeof namespace_name) refuse("RING3_EXEC_NAMESPACE is too long");
  strcpy(server_path, path);
  if (name != NULL) strcpy(namespace_name, name);
  close_the_kernel();
  warn_of_go();
  errno = before;
}

/* ---- socket ---- */

/* Whether this process is in a user namespace that does not map every user id. */
static int maps_some(void) {
  unsigned long inside, outside, count;
  FILE *map = fopen("/proc/self/uid_map", "re");
  if (map == NULL) return 0;
  int all = fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 && inside == 0 && outside == 0 && count == UINT32_MAX;
  fclose(map);
  return !all;
}

/*
 * Whether the listener may be ring3: it is a process of root, of the user whose listener `ring3 exec` checked, or of this user. If the server has ended
 * meanwhile, another user could listen at its path. An id that this user namespace does not map could be any of these.
 */
static int is_ours(int fd) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (NEXT(getsockopt)(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return 0;
  if (peer.uid == 0 || peer.uid == server_owner || peer.uid == own_user) return 1;
  return peer.uid == UNMAPPED && maps_some();
}

static void warn_of_stranger(void) {
  static const char why[] = "ring3 exec: the listener at RING3_EXEC_SOCKET belongs to another user: no netfilter socket is made\n";
  static int warned;
  if (__atomic_exchange_n(&warned, 1, __ATOMIC_RELAXED) == 0 && write(2, why, sizeof why - 1) < 0) return;
}

static int reach_server(int fd) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  struct timeval limit = {.tv_sec = WAIT_SECONDS}, none = {0};
  strcpy(name.sun_path, server_path);
  NEXT(setsockopt)(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  while (NEXT(connect)(fd, (struct sockaddr *)&name, sizeof name) != 0)
    if (errno != EINTR) return ECONNREFUSED;
  NEXT(setsockopt)(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
  if (is_ours(fd)) return 0;
  warn_of_stranger();
  return ECONNREFUSED;
}

static int introduce(int fd, int type) {
  struct request request = {.kind = HELLO, .first = VERSION, .second = (uint32_t)type};
  struct iovec pieces[2] = {{0}, {.iov_base = namespace_name, .iov_len = strlen(namespace_name)}};
  struct answer answer;
  int descriptor = -1;
  int error = ask(fd, &request, pieces, 2, &answer, &descriptor);
  if (descriptor >= 0) adopt_board(descriptor);
  if (error != 0) return error;
  if (answer.length != SERVER_DIGITS) return ECONNREFUSED;
  return name_ours(fd, (const char *)answer.body, answer.first, type) == 0 ? 0 : errno;
}

PUBLIC int socket(int domain, int type, int protocol) {
  if (domain != AF_NETLINK || protocol != NETLINK_NETFILTER) return NEXT(socket)(domain, type, protocol);
  start();
  if (server_path[0] == 0) return NEXT(socket)(domain, type, protocol);
  int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (kind != SOCK_RAW && kind != SOCK_DGRAM) return fail(ESOCKTNOSUPPORT);
  int before = errno;
  int fd = NEXT(socket)(AF_UNIX, SOCK_SEQPACKET | (type & SOCK_CLOEXEC), 0);
  if (fd < 0) return -1;
  int error = reach_server(fd);
  if (error == 0) error = introduce(fd, kind);
  if (error == 0 && (type & SOCK_NONBLOCK) != 0 && fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) != 0) error = errno;
  if (error != 0) {
    close(fd);
    return fail(error);
  }
  errno = before;
  return fd;
}

/* ---- names ---- */

/* The address in a call. 0 or an errno. */
static int read_address(const struct sockaddr *from, socklen_t length, struct sockaddr_nl *into) {
  if (from == NULL || length < sizeof *into) return EINVAL;
  memcpy(into, from, sizeof *into);
  return into->nl_family == AF_NETLINK ? 0 : EINVAL;
}

static void write_address(struct sockaddr *into, socklen_t *length, uint32_t port, uint32_t groups) {
  struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_pid = port, .nl_groups = groups};
  if (length == NULL) return;
  if (into != NULL) memcpy(into, &name, *length < sizeof name ? *length : sizeof name);
  *length = sizeof name;
}

PUBLIC int bind(int fd, const struct sockaddr *address, socklen_t length) {
  struct mark mark;
  struct sockaddr_nl name;
  if (!marked(fd, &mark)) return NEXT(bind)(fd, address, length);
  int error = read_address(address, length, &name);
  if (error != 0) return fail(error);
  return simply(fd, (struct request){.kind = BIND, .first = name.nl_pid, .second = name.nl_groups}, NULL, 0, NULL);
}

PUBLIC int connect(int fd, const struct sockaddr *address, socklen_t length) {
  struct mark mark;
  struct sockaddr_nl name;
  if (!marked(fd, &mark)) return NEXT(connect)(fd, address, length);
  if (address != NULL && length >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC)
    return simply(fd, (struct request){.kind = CONNECT}, NULL, 0, NULL);
  int error = read_address(address, length, &name);
  if (error != 0) return fail(error);
  struct request request = {.kind = CONNECT, .flags = ADDRESSED, .first = name.nl_pid, .second = name.nl_groups};
  return simply(fd, request, NULL, 0, NULL);
}

PUBLIC int getsockname(int fd, struct sockaddr *address, socklen_t *length) {
  struct mark mark;
  struct answer answer;
  if (!marked(fd, &mark)) return NEXT(getsockname)(fd, address, length);
  if (simply(fd, (struct request){.kind = NAME}, NULL, 0, &answer) != 0) return -1;
  write_address(address, length, answer.first, answer.second);
  return 0;
}

PUBLIC int getpeername(int fd, struct sockaddr *address, socklen_t *length) {
  struct mark mark;
  struct answer answer;
  if (!marked(fd, &mark)) return NEXT(getpeername)(fd, address, length);
  if (simply(fd, (struct request){.kind = PEER}, NULL, 0, &answer) != 0) return -1;
  write_address(address, length, answer.first, answer.second);
  return 0;
}

/* ---- options ---- */

static int asked_of_ring3(int level, int option) {
  return level == SOL_NETLINK || (level == SOL_SOCKET && (option == SO_RCVBUF || option == SO_RCVBUFFORCE));
}

PUBLIC int setsockopt(int fd, int level, int option, const void *value, socklen_t length) {
  struct mark mark;
  if (!((asked_of_ring3(level, option) || (level == SOL_SOCKET && option == SO_SNDBUFFORCE)) && marked(fd, &mark)))
    return NEXT(setsockopt)(fd, level, option, value, length);
  if (level == SOL_SOCKET && option == SO_SNDBUFFORCE) {
    /* a client of ring3 counts as privileged; without that right on this machine, its buffer grows up to the kernel's limit */
    if (NEXT(setsockopt)(fd, level, option, value, length) == 0) return 0;
    return errno == EPERM ? NEXT(setsockopt)(fd, level, SO_SNDBUF, value, length) : -1;
  }
  if (value == NULL && length > 0) return fail(EFAULT);
  if (length > BODY) length = BODY;
  return simply(fd, (struct request){.kind = SET_OPTION, .first = (uint32_t)level, .second = (uint32_t)option}, value, length, NULL);
}

static int give_option(void *value, socklen_t *length, const void *from, socklen_t size) {
  memcpy(value, from, *length < size ? *length : size);
  *length = *length < size ? *length : size;
  return 0;
}

/* Options of every socket for which the kernel's answer would show AF_UNIX. Returns -2 for another option. */
static int give_own_option(int fd, const struct mark *mark, int option, void *value, socklen_t *length) {
  int own = 0;
  if (option == SO_DOMAIN) own = AF_NETLINK;
  else if (option == SO_TYPE) own = mark->type;
  else if (option == SO_PROTOCOL) own = NETLINK_NETFILTER;
  else if (option == SO_ERROR) {
    struct slot *slot = slot_of(fd, mark);
    if (slot == NULL || !lost_some(slot)) return -2;
    own = ENOBUFS;
  } else return -2;
  return give_option(value, length, &own, sizeof own);
}

PUBLIC int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict length) {
  struct mark mark;
  struct answer answer;
  if ((level != SOL_SOCKET && level != SOL_NETLINK) || !marked(fd, &mark)) return NEXT(getsockopt)(fd, level, option, value, length);
  if (value == NULL || length == NULL) return fail(EFAULT);
  if ((int)*length < 0) return fail(EINVAL);
  if (level == SOL_SOCKET) {
    int own = give_own_option(fd, &mark, option, value, length);
    if (own != -2) return own;
  }
  if (!asked_of_ring3(level, option)) return NEXT(getsockopt)(fd, level, option, value, length);
  if (simply(fd, (struct request){.kind = GET_OPTION, .first = (uint32_t)level, .second = (uint32_t)option}, NULL, 0, &answer) != 0) return -1;
  if (level == SOL_NETLINK && *length < sizeof(int) && answer.second == 0) return fail(EINVAL);
  give_option(value, length, answer.body, answer.length);
  if (answer.second != 0) *length = answer.length; /* the length of a list is its complete length */
  return 0;
}

/* ---- sending ---- */

static ssize_t total_of(const struct msghdr *message) {
  size_t total = 0;
  if (message->msg_iovlen > IOV_MAX - 1) return -EMSGSIZE;
  for (size_t i = 0; i < (size_t)message->msg_iovlen; i++) {
    if (message->msg_iov[i].iov_len > SSIZE_MAX - total) return -EINVAL;
    total += message->msg_iov[i].iov_len;
  }
  return (ssize_t)total;
}

static ssize_t send_datagram(int fd, const struct mark *mark, const struct msghdr *message, int flags) {
  struct request request = {.kind = DATA};
  ssize_t total = total_of(message);
  int before = errno;
  if (total < 0) return fail((int)-total);
  if ((flags & MSG_OOB) != 0) return fail(EOPNOTSUPP);
  if (message->msg_name != NULL && message->msg_namelen > 0) {
    struct sockaddr_nl name;
    int error = read_address(message->msg_name, message->msg_namelen, &name);
    if (error != 0) return fail(error);
    request.flags = ADDRESSED;
    request.first = name.nl_pid;
    request.second = name.nl_groups;
  }
  request.largest = largest_of(fd, mark);
  struct iovec pieces[message->msg_iovlen + 1];
  for (size_t i = 0; i < (size_t)message->msg_iovlen; i++) pieces[i + 1] = message->msg_iov[i];
  int error = ask(fd, &request, pieces, (size_t)message->msg_iovlen + 1, NULL, NULL);
  if (error != 0) return fail(error);
  errno = before;
  return total;
}

PUBLIC ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  struct mark mark;
  if (!marked(fd, &mark)) return NEXT(sendmsg)(fd, message, flags);
  return send_datagram(fd, &mark, message, flags);
}

PUBLIC ssize_t sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *address, socklen_t address_length) {
  struct mark mark;
  if (!marked(fd, &mark)) return NEXT(sendto)(fd, bytes, length, flags, address, address_length);
  struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_name = (void *)(uintptr_t)address, .msg_namelen = address_length};
  return send_datagram(fd, &mark, &message, flags);
}

PUBLIC ssize_t send(int fd, const void *bytes, size_t length, int flags) {
  struct mark mark;
  if (!marked(fd, &mark)) return NEXT(send)(fd, bytes, length, flags);
  struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
  return send_datagram(fd, &mark, &message, flags);
}

#ifdef __GLIBC__
typedef int many_flags;
#else
typedef unsigned many_flags;
#endif

PUBLIC int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, many_flags flags) {
  struct mark mark;
  if (!marked(fd, &mark)) return NEXT(sendmmsg)(fd, messages, count, flags);
  unsigned sent = 0;
  for (; sent < count; sent++) {
    ssize_t length = send_datagram(fd, &mark, &messages[sent].msg_hdr, (int)flags);
    if (length < 0) return sent > 0 ? (int)sent : -1;
    messages[sent].msg_len = (unsigned)length;
  }
  return (int)sent;
}

/* ---- receiving ---- */

static void note_buffer(struct slot *slot, uint32_t length) {
  uint32_t before = __atomic_load_n(&slot->largest, __ATOMIC_RELAXED);
  while (before < length && !__atomic_compare_exchange_n(&slot->largest, &before, length, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

/* Credentials, if the program asked for them, are those of the kernel: process 0, root. */
static void hide_sender(struct msghdr *message) {
  struct ucred kernel = {0};
  for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL; head = CMSG_NXTHDR(message, head))
    if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_CREDENTIALS && head->cmsg_len >= CMSG_LEN(sizeof kernel))
      memcpy(CMSG_DATA(head), &kernel, sizeof kernel);
}

/* Continues a dump. A failure is reported by the next receive. */
static void pull(int fd, struct slot *slot) {
  struct request request = {.kind = PULL};
  char byte;
  int before = errno;
  uint32_t pulling = __atomic_load_n(&slot->pull, __ATOMIC_ACQUIRE);
  if (pulling == ALWAYS || (pulling == WHEN_EMPTY && NEXT(recv)(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0)) {
    request.largest = __atomic_load_n(&slot->largest, __ATOMIC_RELAXED);
    ask(fd, &request, NULL, 0, NULL, NULL);
  }
  errno = before;
}

static ssize_t receive_datagram(int fd, const struct mark *mark, struct msghdr *message, int flags) {
  struct slot *slot = slot_of(fd, mark);
  void *name = message->msg_name;
  socklen_t name_length = message->msg_namelen;
  ssize_t capacity = total_of(message);
  if (capacity < 0) return fail((int)-capacity);
  if (slot != NULL) {
    if (lost_some(slot)) return fail(ENOBUFS);
    note_buffer(slot, capacity > INT_MAX ? INT_MAX : (uint32_t)capacity);
  }
  message->msg_name = NULL;
  message->msg_namelen = 0;
  ssize_t length = NEXT(recvmsg)(fd, message, flags);
  message->msg_name = name;
  message->msg_namelen = name_length;
  if (length < 0) return -1;
  /* a packet is never empty: ring3 has ended. (With a buffer of 0 bytes, a packet was truncated.) */
  if (length == 0 && (message->msg_flags & MSG_TRUNC) == 0) return fail(ECONNREFUSED);
  if (message->msg_controllen > 0) hide_sender(message);
  if (name != NULL) write_address(name, &message->msg_namelen, 0, 0);
  if (slot != NULL && (flags & MSG_PEEK) == 0) pull(fd, slot);
  return length;
}

PUBLIC ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  struct mark mark;
  if (!marked(fd, &mark)) return NEXT(recvmsg)(fd, message, flags);
  return receive_datagram(fd, &mark, message, flags);
}

PUBLIC ssize_t recvfrom(int fd, void *restrict bytes, size_t length, int flags, struct sockaddr *restrict address, socklen_t *restrict address_length) {
  struct mark mark;
  if (!marked(fd, &mark)) return NEXT(recvfrom)(fd, bytes, length, flags, address, address_length);
  struct iovec piece = {.iov_base = bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
  ssize_t received = receive_datagram(fd, &mark, &message, flags);
  if (received >= 0 && address != NULL) write_address(address, address_length, 0, 0);
  return received;
}

PUBLIC ssize_t recv(int fd, void *bytes, size_t length, int flags) {
  struct mark mark;
  if (!marked(fd, &mark)) return NEXT(recv)(fd, bytes, length, flags);
  struct iovec piece = {.iov_base = bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
  return receive_datagram(fd, &mark, &message, flags);
}

PUBLIC int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, many_flags flags, struct timespec *limit) {
  struct mark mark;
  if (!marked(fd, &mark)) return NEXT(recvmmsg)(fd, messages, count, flags, limit);
  int64_t deadline = limit == NULL ? INT64_MAX : milliseconds() + (int64_t)limit->tv_sec * 1000 + limit->tv_nsec / 1000000;
  int how = (int)flags & ~MSG_WAITFORONE;
  unsigned received = 0;
  while (received < count) {
    ssize_t length = receive_datagram(fd, &mark, &messages[received].msg_hdr, how);
    if (length < 0) return received > 0 ? (int)received : -1;
    messages[received++].msg_len = (unsigned)length;
    if (((int)flags & MSG_WAITFORONE) != 0) how |= MSG_DONTWAIT;
    if (milliseconds() >= deadline) break;
  }
  return (int)received;
}

/* What programs that were compiled with _FORTIFY_SOURCE call. */
PUBLIC ssize_t __recv_chk(int fd, void *bytes, size_t length, size_t room, int flags) {
  if (length > room) abort();
  return recv(fd, bytes, length, flags);
}

PUBLIC ssize_t __recvfrom_chk(int fd, void *bytes, size_t length, size_t room, int flags, struct sockaddr *address, socklen_t *address_length) {
  if (length > room) abort();
  return recvfrom(fd, bytes, length, flags, address, address_length);
}
