internal import Foundation

/// Where progress is shown.
package protocol ProgressOutput: Sendable {
  /// Whether a line can be drawn over: a terminal that understands escape sequences.
  var isTerminal: Bool { get }
  var usesColor: Bool { get }
  /// Whether it shows more than ASCII.
  var usesUnicode: Bool { get }
  /// Its width now, in characters.
  var columns: Int { get }
  func write(_ text: String)
}

/// A file descriptor of this process, standard error unless told otherwise: standard output belongs to results.
package struct DescriptorOutput: ProgressOutput {
  package let isTerminal: Bool
  package let usesColor: Bool
  package let usesUnicode: Bool
  private let descriptor: Int32

  package init(descriptor: Int32 = STDERR_FILENO, environment: [String: String] = ProcessInfo.processInfo.environment) {
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) == 1 && environment["TERM"] != "dumb"
    usesColor = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
    let isUTF8 = locale.lowercased().replacingOccurrences(of: "-", with: "").contains("utf8")
    usesUnicode = isUTF8
  }

  package var columns: Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  package func write(_ text: String) {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Foundation.write(descriptor, buffer.baseAddress.map { $0 + done }, bytes.count - done)
      }
      if count < 0, errno == EINTR { continue }
      // Nobody reads any more: progress is not worth an error.
      guard count > 0 else { return }
      done += count
    }
  }
}
