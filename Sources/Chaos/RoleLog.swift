internal import Foundation

/// The log file of one process of the run.
struct RoleLog: Sendable {
  let path: String

  /// How much there is by now.
  func mark() -> Int { text.utf8.count }

  func lines(since mark: Int = 0) -> [String] {
    String(decoding: Array(text.utf8.dropFirst(mark)), as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// The first line with `text`; nil if none comes in time.
  func wait(for text: String, since mark: Int, within limit: Duration) async throws -> String? {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
      if let line = lines(since: mark).first(where: { $0.contains(text) }) { return line }
      try await Task.sleep(for: .milliseconds(20))
    }
    return nil
  }

  private var text: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
}
