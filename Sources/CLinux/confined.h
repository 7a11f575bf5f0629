// Starting a program with limits. posix_spawn sets none and knows no death signal, and Swift has no fork.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/// What a confined program starts with.
struct confinement {
  /// What becomes its descriptors 0, 1 and 2. It has no others.
  int input, output, errors;
  /// RLIMIT_DATA of each of its processes: what they have of memory that is their own and writable. RLIMIT_AS would count
  /// address space that is only set aside, of which run times and numerical libraries take far more than they use. 0: none.
  rlim_t data_bytes;
};

/// A pipe, reading end first, that no program inherits. Returns 0, or -1 with errno.
static inline int open_pipe(int ends[2]) { return (int)syscall(SYS_pipe2, ends, O_CLOEXEC); }

/// Between vfork and exec (Linux 5.11). Returns 0, or an error number.
static inline int confine(const struct confinement *to, pid_t parent) {
  // Default actions, also for what the parent ignores (SIGPIPE). Kernel and libc refuse a few; they have no others.
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; number++) sigaction(number, &standard, 0);
  if (setpgid(0, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL)) return errno;
  // The parent may have died before that.
  if (getppid() != parent) return ESRCH;
  if (to->data_bytes) {
    struct rlimit limit = {to->data_bytes, to->data_bytes};
    if (setrlimit(RLIMIT_DATA, &limit)) return errno;
  }
  // Out of the way of each other first: any of them may be 0, 1 or 2.
  int from[3] = {fcntl(to->input, F_DUPFD, 3), fcntl(to->output, F_DUPFD, 3), fcntl(to->errors, F_DUPFD, 3)};
  for (int number = 0; number < 3; number++)
    if (from[number] < 0 || dup2(from[number], number) < 0) return errno;
  // All others, on exec.
  if (syscall(SYS_close_range, 3u, ~0u, 1u << 2 /* CLOSE_RANGE_CLOEXEC */)) return errno;
  sigset_t none;
  sigemptyset(&none);
  return sigprocmask(SIG_SETMASK, &none, 0) ? errno : 0;
}

/// Starts a program in a process group of its own, which the kernel kills when the calling thread ends: the limits hold from
/// its first instruction, and what keeps it from starting is known here and now. `arguments` ends with a null pointer; its
/// first one is looked up in PATH if it has no slash. Returns the pid, or -1 with errno.
///
/// vfork, because a fork would copy the page tables of a process that may hold a model of many gigabytes.
static inline pid_t start_confined(char *const arguments[], const struct confinement *to) {
  // exec closes it. Not by memory, which some sanitizers and emulators do not share, as they make a fork of vfork.
  int failed[2];
  if (open_pipe(failed)) return -1;
  sigset_t all, before;
  sigfillset(&all);
  // A handler of the parent must not run in the child, which has the parent's memory.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t parent = getpid();
  pid_t child = vfork();
  if (child == 0) {
    int reason = confine(to, parent);
    if (!reason) {
      execvp(arguments[0], arguments);
      reason = errno;
    }
    _exit(write(failed[1], &reason, sizeof reason) < 0 ? 126 : 127);
  }
  int reason = errno;
  pthread_sigmask(SIG_SETMASK, &before, 0);
  close(failed[1]);
  ssize_t count = 0;
  if (child > 0)
    while ((count = read(failed[0], &reason, sizeof reason)) < 0 && errno == EINTR) continue;
  close(failed[0]);
  if (child > 0 && count == 0) return child;
  if (child > 0) waitpid(child, 0, 0);
  errno = reason;
  return -1;
}

/// A descriptor that is readable once the process has ended (Linux 5.3). Returns it, or -1 with errno.
static inline int open_process(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0u); }
