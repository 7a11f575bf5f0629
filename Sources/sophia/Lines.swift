internal import ActionableErrors
internal import Foundation

/// Bad use of a command that its parser cannot see.
struct UsageError: ActionableError {
  let code = "usage"
  let message: String
  let advice: String
}

/// The lines of a file or of standard input, without their ends, as they come.
struct InputLines: Sequence, IteratorProtocol {
  private let handle: UnsafeMutablePointer<FILE>

  /// - Parameter path: nil for standard input.
  init(_ path: String?) throws {
    guard let opened = path.map({ fopen($0, "r") }) ?? fdopen(STDIN_FILENO, "r") else {
      throw UsageError(
        message: "cannot open \(path ?? "standard input"): \(String(cString: strerror(errno)))", advice: "check the path")
    }
    handle = opened
  }

  mutating func next() -> [UInt8]? {
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(line) }
    let count = getline(&line, &capacity, handle)
    guard count > 0, let line else { return nil }
    var bytes = line.withMemoryRebound(to: UInt8.self, capacity: count) { Array(UnsafeBufferPointer(start: $0, count: count)) }
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    return bytes
  }
}

/// Prints a line; a closed pipe ends the command quietly, a full disk with an error.
func printLine(_ line: String) throws {
  let bytes = Array((line + "\n").utf8)
  var done = 0
  while done < bytes.count {
    let count = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress! + done, bytes.count - done) }
    if count < 0, errno == EINTR { continue }
    if count < 0, errno == EPIPE { Foundation.exit(0) }
    guard count >= 0 else {
      throw UsageError(
        message: "cannot write to standard output: \(String(cString: strerror(errno)))", advice: "free some space")
    }
    done += count
  }
}

func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
