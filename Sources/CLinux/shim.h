// System calls that glibc declares for GNU sources only, which Swift's module of it is not, and headers that Swift's module
// of it leaves out.
#pragma once
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

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
