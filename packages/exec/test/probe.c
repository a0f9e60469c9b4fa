/*
 * Does to a netlink socket what its arguments say, and prints a line for each: the same words give the same lines on the kernel and under exec.
 *
 *   socket [raw|dgram] [nonblock]   a NETLINK_NETFILTER socket; `use N` picks one of several
 *   name | peer | bind PORT GROUPS | connect PORT     PORT may be "me": this process's id
 *   get LEVEL OPTION [LENGTH] | set LEVEL OPTION VALUE
 *   send HEX | sendto HEX | write HEX | sendmmsg HEX N
 *   read SIZE | recv SIZE [FLAGS] | from SIZE [FLAGS] | msg SIZE [FLAGS] | mmsg SIZE N | poll MS | pending
 *   dup | close | fork | exec | thread     the words after fork, exec and thread are executed by the child, by the program started again, by the thread
 *   route                           a NETLINK_ROUTE socket
 *   filter TYPE                     a socket filter that drops messages of that type (low byte)
 *   alarms                          a signal every 100 microseconds from here on
 *   uring                           io_uring_setup, io_uring_enter, io_uring_register; getfd: pidfd_getfd
 *   raw                             socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) past the C library
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST 50 /* sockets are moved to 50, 51, …, so that they have the same numbers everywhere */
static int fd = FIRST, count;
static char **words;
static char *program;

static const char *error_name(int error) {
  static char number[16];
  if (error == EAGAIN) return "EAGAIN";
  if (error == EBADF) return "EBADF";
  if (error == EINVAL) return "EINVAL";
  if (error == EPERM) return "EPERM";
  if (error == ENOSYS) return "ENOSYS";
  if (error == ENODATA) return "ENODATA";
  if (error == ENOBUFS) return "ENOBUFS";
  if (error == ENOPROTOOPT) return "ENOPROTOOPT";
  if (error == EADDRINUSE) return "EADDRINUSE";
  if (error == ECONNREFUSED) return "ECONNREFUSED";
  if (error == EPROTONOSUPPORT) return "EPROTONOSUPPORT";
  if (error == ESOCKTNOSUPPORT) return "ESOCKTNOSUPPORT";
  if (error == EOPNOTSUPP) return "EOPNOTSUPP";
  if (error == EMSGSIZE) return "EMSGSIZE";
  if (error == EFAULT) return "EFAULT";
  if (error == ENOTSOCK) return "ENOTSOCK";
  if (error == EAFNOSUPPORT) return "EAFNOSUPPORT";
  snprintf(number, sizeof number, "E%d", error);
  return number;
}
static void say(const char *word, long answer) {
  if (answer < 0) printf("%s %s\n", word, error_name(errno));
  else printf("%s ok %ld\n", word, answer);
  fflush(stdout);
}
static const char *next(const char *otherwise) { return *words != NULL ? *words++ : otherwise; }
static int is_number(void) { return *words != NULL && (**words == '-' || (**words >= '0' && **words <= '9')); }
static long number(long otherwise) { return is_number() ? strtol(*words++, NULL, 0) : otherwise; }
static uint32_t port_word(void) {
  const char *word = next("0");
  return strcmp(word, "me") == 0 ? (uint32_t)getpid() : (uint32_t)strtoul(word, NULL, 0);
}
static const char *port_text(uint32_t port) {
  static char text[16];
  if (port == (uint32_t)getpid()) return "me";
  if (port == (uint32_t)getppid()) return "parent";
  if (port > 0x7fffffff) return "large";
  snprintf(text, sizeof text, "%u", port);
  return text;
}
static size_t from_hex(const char *text, unsigned char *into) {
  size_t length = strlen(text) / 2;
  for (size_t i = 0; i < length; i++) sscanf(text + 2 * i, "%2hhx", &into[i]);
  return length;
}
static void say_name(const char *word, int answer, struct sockaddr_nl *name, socklen_t length) {
  if (answer < 0) say(word, answer);
  else printf("%s family %d port %s groups %x length %u\n", word, name->nl_family, port_text(name->nl_pid), name->nl_groups, length);
}
static void say_received(const char *word, ssize_t length, const unsigned char *bytes, size_t size) {
  if (length < 0) {
    say(word, length);
    return;
  }
  printf("%s %zd", word, length);
  for (size_t at = 0, end = (size_t)length < size ? (size_t)length : size; at + 16 <= end;) {
    struct nlmsghdr head;
    memcpy(&head, bytes + at, sizeof head);
    printf(" [type %x flags %x seq %u port %s", head.nlmsg_type, head.nlmsg_flags, head.nlmsg_seq, port_text(head.nlmsg_pid));
    int32_t error = 0;
    if ((head.nlmsg_type == NLMSG_ERROR || head.nlmsg_type == NLMSG_DONE) && at + 20 <= end) memcpy(&error, bytes + at + 16, 4), printf(" error %d", error);
    printf("]");
    if (head.nlmsg_len < 16) break;
    at += NLMSG_ALIGN(head.nlmsg_len);
  }
  printf("\n");
}
static void run(void);
static void nothing(int signal) { (void)signal; }
static void alarm_word(void) {
  struct sigaction action = {.sa_handler = nothing}; /* without SA_RESTART */
  struct itimerval often = {{0, 100}, {0, 100}};
  sigaction(SIGALRM, &action, NULL);
  say("alarms", setitimer(ITIMER_REAL, &often, NULL));
}
static void *run_thread(void *nothing) {
  run();
  return nothing;
}

static void receive_word(const char *word) {
  static unsigned char bytes[1 << 20];
  long size = number(65536), flags = number(0);
  struct sockaddr_nl name = {0};
  socklen_t length = sizeof name;
  if (strcmp(word, "read") == 0) say_received(word, read(fd, bytes, (size_t)size), bytes, (size_t)size);
  else if (strcmp(word, "recv") == 0) say_received(word, recv(fd, bytes, (size_t)size, (int)flags), bytes, (size_t)size);
  else if (strcmp(word, "from") == 0) {
    ssize_t got = recvfrom(fd, bytes, (size_t)size, (int)flags, (struct sockaddr *)&name, &length);
    say_received(word, got, bytes, (size_t)size);
    if (got >= 0) say_name(" from", 0, &name, length);
  } else {
    struct iovec piece = {bytes, (size_t)size};
    struct msghdr message = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &piece, .msg_iovlen = 1};
    ssize_t got = recvmsg(fd, &message, (int)flags);
    say_received(word, got, bytes, (size_t)size);
    if (got >= 0) printf(" flags %x\n", message.msg_flags), say_name(" from", 0, &name, message.msg_namelen);
  }
}
static void many_word(void) {
  static unsigned char bytes[16][65536];
  long size = number(65536), many = number(4);
  struct iovec pieces[16];
  struct mmsghdr messages[16] = {0};
  for (int i = 0; i < 16; i++) pieces[i] = (struct iovec){bytes[i], (size_t)size}, messages[i].msg_hdr.msg_iov = &pieces[i], messages[i].msg_hdr.msg_iovlen = 1;
  int got = recvmmsg(fd, messages, (unsigned)many, MSG_WAITFORONE, NULL);
  say("mmsg", got);
  for (int i = 0; i < got; i++) say_received(" ", messages[i].msg_len, bytes[i], (size_t)size);
}
static void send_word(const char *word) {
  static unsigned char bytes[1 << 16];
  size_t length = from_hex(next(""), bytes);
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  if (strcmp(word, "send") == 0) say(word, send(fd, bytes, length, 0));
  else if (strcmp(word, "write") == 0) say(word, write(fd, bytes, length));
  else if (strcmp(word, "sendto") == 0) say(word, sendto(fd, bytes, length, 0, (struct sockaddr *)&kernel, sizeof kernel));
  else {
    struct iovec pieces[2] = {{bytes, length / 2}, {bytes + length / 2, length - length / 2}};
    struct mmsghdr messages[16] = {0};
    long many = number(2);
    for (int i = 0; i < 16; i++) messages[i].msg_hdr = (struct msghdr){.msg_name = &kernel, .msg_namelen = sizeof kernel, .msg_iov = pieces, .msg_iovlen = 2};
    say(word, sendmmsg(fd, messages, (unsigned)many, 0));
  }
}
static void option_word(const char *word) {
  long level = number(1), option = number(0);
  if (strcmp(word, "set") == 0) {
    int value = (int)number(0);
    say(word, setsockopt(fd, (int)level, (int)option, &value, sizeof value));
  } else {
    uint32_t value[4] = {0};
    socklen_t length = (socklen_t)number(4);
    int answer = getsockopt(fd, (int)level, (int)option, value, &length);
    if (answer < 0) say(word, answer);
    else printf("get %ld %ld = %u length %u\n", level, option, value[0], length);
  }
}
static void socket_word(void) {
  int type = SOCK_RAW;
  if (*words != NULL && strcmp(*words, "raw") == 0) words++;
  else if (*words != NULL && strcmp(*words, "dgram") == 0) words++, type = SOCK_DGRAM;
  else if (is_number()) type = (int)number(0);
  if (*words != NULL && strcmp(*words, "nonblock") == 0) words++, type |= SOCK_NONBLOCK;
  int made = socket(AF_NETLINK, type, NETLINK_NETFILTER);
  if (made < 0) {
    say("socket", made);
    return;
  }
  fd = FIRST + count++;
  dup2(made, fd), close(made);
  printf("socket ok flags %x\n", fcntl(fd, F_GETFL) & O_NONBLOCK);
}
static void filter_word(void) {
  unsigned type = (unsigned)number(2);
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 4),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, type, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
  };
  struct sock_fprog filter = {4, code};
  say("filter", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter));
}
static void fork_word(void) {
  fflush(stdout);
  pid_t child = fork();
  if (child != 0) {
    int status;
    waitpid(child, &status, 0);
    while (*words != NULL && strcmp(*words, "end") != 0) words++;
    if (*words != NULL) words++;
  }
}

static void run(void) {
  struct sockaddr_nl name = {0};
  socklen_t length = sizeof name;
  while (*words != NULL) {
    const char *word = *words++;
    if (strcmp(word, "socket") == 0) socket_word();
    else if (strcmp(word, "use") == 0) fd = FIRST + (int)number(0);
    else if (strcmp(word, "name") == 0) say_name(word, getsockname(fd, (struct sockaddr *)&name, &length), &name, length);
    else if (strcmp(word, "peer") == 0) say_name(word, getpeername(fd, (struct sockaddr *)&name, &length), &name, length);
    else if (strcmp(word, "bind") == 0) {
      struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = port_word(), .nl_groups = (uint32_t)number(0)};
      say(word, bind(fd, (struct sockaddr *)&to, sizeof to));
    } else if (strcmp(word, "connect") == 0) {
      struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = port_word()};
      say(word, connect(fd, (struct sockaddr *)&to, sizeof to));
    } else if (strcmp(word, "get") == 0 || strcmp(word, "set") == 0) option_word(word);
    else if (strncmp(word, "send", 4) == 0 || strcmp(word, "write") == 0) send_word(word);
    else if (strcmp(word, "read") == 0 || strcmp(word, "recv") == 0 || strcmp(word, "from") == 0 || strcmp(word, "msg") == 0) receive_word(word);
    else if (strcmp(word, "mmsg") == 0) many_word();
    else if (strcmp(word, "poll") == 0) {
      struct pollfd one = {fd, POLLIN | POLLOUT, 0};
      int answer = poll(&one, 1, (int)number(0));
      printf("poll %d %x\n", answer, one.revents);
    } else if (strcmp(word, "pollin") == 0) {
      struct pollfd one = {fd, POLLIN, 0};
      int answer = poll(&one, 1, (int)number(0));
      printf("pollin %d %x\n", answer, one.revents);
    } else if (strcmp(word, "pending") == 0) {
      int bytes = -1;
      ioctl(fd, FIONREAD, &bytes);
      printf("pending %d\n", bytes);
    } else if (strcmp(word, "dup") == 0) {
      int copy = dup(fd);
      fd = FIRST + count++;
      dup2(copy, fd), close(copy);
      printf("dup ok\n");
    } else if (strcmp(word, "close") == 0) say(word, close(fd));
    else if (strcmp(word, "filter") == 0) filter_word();
    else if (strcmp(word, "uring") == 0) {
      say("setup", syscall(425, 8, NULL));
      say("enter", syscall(426, -1, 0, 0, 0, NULL, 0));
      say("register", syscall(427, -1, 0, NULL, 0));
    } else if (strcmp(word, "getfd") == 0) say(word, syscall(438, -1, 0, 0));
    else if (strcmp(word, "raw") == 0) say(word, syscall(SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) < 0 ? -1 : 0);
    else if (strcmp(word, "route") == 0) say(word, socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) < 0 ? -1 : 0);
    else if (strcmp(word, "alarms") == 0) alarm_word();
    else if (strcmp(word, "fork") == 0) fork_word();
    else if (strcmp(word, "end") == 0) _exit(0);
    else if (strcmp(word, "thread") == 0) {
      pthread_t thread;
      pthread_create(&thread, NULL, run_thread, NULL), pthread_join(thread, NULL);
    } else if (strcmp(word, "exec") == 0) {
      char *args[64] = {program};
      for (int i = 0; i < 62 && words[i] != NULL; i++) args[i + 1] = words[i];
      fflush(stdout);
      execv(program, args);
    } else if (strcmp(word, "exit") == 0) exit((int)number(0));
    else if (strcmp(word, "kill") == 0) kill(getpid(), (int)number(15));
    else if (strcmp(word, "pause") == 0) printf("waiting\n"), fflush(stdout), pause();
    else printf("what is %s?\n", word), exit(99);
  }
}

int main(int number_of_arguments, char **arguments) {
  (void)number_of_arguments;
  program = arguments[0];
  words = arguments + 1;
  setvbuf(stdout, NULL, _IOLBF, 4096);
  run();
  return 0;
}
