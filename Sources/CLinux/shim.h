// System calls that glibc declares for GNU sources only, which Swift's module of it is not.
#pragma once
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Puts two paths in each other's place in one step (Linux 3.15). Returns 0, or -1 with errno.
static inline int exchange_paths(const char *one, const char *other) {
  return (int)syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2u /* RENAME_EXCHANGE */);
}
