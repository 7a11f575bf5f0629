// System calls that glibc declares for GNU sources only, which Swift's module of it is not, and headers that Swift's module
// of it leaves out.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <sys/prctl.h>

/// Puts two paths in each other's place in one step (Linux 3.15). Returns 0, or -1 with errno.
static inline int exchange_paths(const char *one, const char *other) {
  return (int)syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2u /* RENAME_EXCHANGE */);
}

/// `accept`, with what it returns non-blocking and closed on exec from the start.
static inline int accept_nonblocking(int listener) {
  return (int)syscall(SYS_accept4, listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/// Whether the socket drops every packet that comes for it, as if the network had lost it. Returns 0, or -1 with errno.
static inline int set_drops_packets(int socket, int drops) {
  struct sock_filter nothing_passes = {BPF_RET | BPF_K, 0, 0, 0};
  struct sock_fprog program = {1, &nothing_passes};
  int unused = 0;
  return drops ? setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program)
               : setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
}

/// What has gone over a TCP connection.
struct traffic {
  /// Bytes that have come and have been read off it.
  long long taken;
  /// Bytes that were sent, again or for the first time.
  long long sent;
};

/// Returns 0, or -1 with errno.
///
/// glibc's `struct tcp_info` ends before the kernel's (Linux 4.19), in which tcpi_bytes_received and tcpi_bytes_sent are the 17th
/// and 26th 8 bytes.
static inline int get_traffic(int socket, struct traffic *traffic) {
  unsigned long long info[32];
  socklen_t size = sizeof info;
  int waiting = 0;
  // In this order, what comes in between counts as taken for a moment, and never as less than was taken before.
  if (ioctl(socket, FIONREAD, &waiting) || getsockopt(socket, IPPROTO_TCP, TCP_INFO, info, &size)) return -1;
  if (size < 26 * sizeof info[0]) return errno = ENOPROTOOPT, -1;
  traffic->sent = (long long)info[25];
  traffic->taken = (long long)info[16] - waiting;
  if (traffic->taken < 0) traffic->taken = 0;
  return 0;
}

/// What debuggers and `top -H` call the calling thread; 15 characters of it. Foundation's `Thread` keeps its name to itself, and
/// the kernel goes on with that of the thread that made this one.
static inline void name_this_thread(const char *name) { prctl(PR_SET_NAME, name); }
