internal import CLinux
internal import Glibc

/// How a process ended.
enum ChildEnd: Equatable, CustomStringConvertible {
  case exited(Int32)
  case killed(signal: Int32)

  var description: String {
    switch self {
    case .exited(let code): "ended with exit code \(code)"
    case .killed(let signal): "was killed by signal \(signal)"
    }
  }
}

/// A program under way, in a process group of its own, and this side's ends of its pipes, which do not block.
///
/// It is killed when this goes away, and when the thread that started it ends.
struct ChildProcess: ~Copyable {
  let pid: Int32
  /// Readable once it has ended.
  let ending: Int32
  /// -1 once closed, as `output` and `errors`.
  private(set) var input: Int32
  private(set) var output: Int32
  private(set) var errors: Int32

  /// - Throws: `reward-program.no-command`, `.not-started` or `.no-descriptors`.
  init(_ command: [String], memoryBytes: Int?) throws(RewardProgramError) {
    guard let name = command.first, !name.isEmpty else { throw .noCommand }
    guard let (input, output, errors) = PipePair.three() else { throw .noDescriptors(Self.reason(errno)) }
    var confinement = confinement(
      input: input.reading, output: output.writing, errors: errors.writing,
      data_bytes: rlim_t(max(0, memoryBytes ?? 0)))
    var arguments = command.map { strdup($0) } + [nil]
    let child = start_confined(&arguments, &confinement)
    let number = errno
    for argument in arguments { free(argument) }
    for descriptor in [input.reading, output.writing, errors.writing] { close(descriptor) }
    let ours = [input.writing, output.reading, errors.reading]
    let ending = child < 0 ? -1 : open_process(child)
    guard ending >= 0 else {
      let reason = Self.reason(child < 0 ? number : errno)
      for descriptor in ours { close(descriptor) }
      guard child >= 0 else { throw .notStarted(name, reason) }
      Glibc.kill(-child, SIGKILL)
      waitpid(child, nil, 0)
      throw .noDescriptors(reason)
    }
    for descriptor in ours { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
    (pid, self.ending) = (child, ending)
    (self.input, self.output, self.errors) = (input.writing, output.reading, errors.reading)
  }

  deinit {
    kill()
    // What hangs in the kernel is not waited for.
    waitpid(pid, nil, WNOHANG)
    closeAll()
  }

  /// The whole group. The number of a process is not given to another one before it has been waited for.
  func kill() {
    Glibc.kill(-pid, SIGKILL)
  }

  mutating func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  mutating func closeOutput() {
    if output >= 0 { close(output) }
    output = -1
  }

  mutating func closeErrors() {
    if errors >= 0 { close(errors) }
    errors = -1
  }

  /// What it left behind in its group is killed. To be called once `ending` is readable.
  consuming func reap() -> ChildEnd {
    kill()
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    closeAll()
    discard self
    let signal = status & 0x7f
    return signal == 0 ? .exited(status >> 8 & 0xff) : .killed(signal: signal)
  }

  private func closeAll() {
    for descriptor in [ending, input, output, errors] where descriptor >= 0 { close(descriptor) }
  }

  private static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
}

/// Both ends of a pipe, not inherited by what anybody starts.
private struct PipePair {
  let reading: Int32
  let writing: Int32

  /// - Returns: nil with `errno`.
  static func three() -> (PipePair, PipePair, PipePair)? {
    var pipes: [PipePair] = []
    while pipes.count < 3 {
      var ends: [Int32] = [-1, -1]
      guard open_pipe(&ends) == 0 else {
        let number = errno
        for pipe in pipes {
          close(pipe.reading)
          close(pipe.writing)
        }
        errno = number
        return nil
      }
      pipes.append(PipePair(reading: ends[0], writing: ends[1]))
    }
    return (pipes[0], pipes[1], pipes[2])
  }
}
