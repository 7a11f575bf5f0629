internal import DurableFiles
internal import Foundation
internal import RunStore
internal import Runs

/// The wall clock of one process, by libfaketime: it reads its offset again and again, and the monotonic clock stays true.
struct ClockFaults: Sendable {
  static let libraries = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
  ]

  static var library: String? { libraries.first { access($0, R_OK) == 0 } }

  /// A shell before the process: the library makes shared memory and puts its name into the environment, which must be done
  /// before the process starts, for Swift finds its arguments beside the environment that it was started with.
  static let prefix = ["/bin/sh", "-c", "exec \"$@\"", "sh"]

  let folder: RunFolder
  let state: String

  private func offsetFile(of name: String) -> String { "\(state)/clock-\(name)" }

  /// What makes the clock of `name` one that can be moved.
  func environment(for name: String) throws -> [String: String] {
    let file = offsetFile(of: name)
    if access(file, F_OK) != 0 { try DurableFiles.write("+0\n", to: file) }
    return [
      "LD_PRELOAD": Self.library ?? "", "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_NO_CACHE": "1",
      "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1", "NO_FAKE_STAT": "1",
    ]
  }

  /// Removes the shared memory of processes that have ended.
  static func sweep(_ pids: [Int32]) {
    for pid in pids { for name in ["faketime_shm_\(pid)", "sem.faketime_sem_\(pid)"] { unlink("/dev/shm/\(name)") } }
  }

  /// Moves the clock of `name` to `offset` from the true time.
  func set(_ name: String, to offset: Duration) throws {
    let seconds = offset.inSeconds
    // In place: the library has the name, and a moment without the file would be a moment without the offset.
    try DurableFiles.write("\(seconds < 0 ? "" : "+")\(Int(seconds.rounded()))\n", to: offsetFile(of: name))
  }

  /// What the process wrote with its moved clock: times of its log, and of the journal for the learner.
  ///
  /// - Parameter window: true times, seconds since 1970, in which all it wrote was written.
  func proof(_ name: String, by offset: Duration, window: ClosedRange<Double>) -> Proof {
    var found: [String] = []
    func isMoved(_ time: Double) -> Bool {
      let shift = offset.inSeconds
      return (window.lowerBound + shift - 2)...(window.upperBound + shift + 2) ~= time && abs(shift) > 3
    }
    if name == "learner" {
      let steps = ((try? RunReader(path: folder.store)).flatMap { try? $0.steps() } ?? []).filter { isMoved($0.trainedAt) }
      if let step = steps.first {
        found.append(
          "the journal has step \(step.step) trained at \(Self.text(step.trainedAt)), by a clock \(offset.text) away from the true one"
        )
      }
    }
    let day = (window.lowerBound / 86400).rounded(.down) * 86400
    let line = RoleLog(path: "\(folder.logs)/\(name).log").lines().last { line in
      guard let time = Self.timeOfDay(line) else { return false }
      return [-1.0, 0, 1].contains { isMoved(day + $0 * 86400 + time) } && !window.contains(day + time)
    }
    if let line { found.append("its log says \(line.prefix(100))") }
    return Proof(isFound: !found.isEmpty, lines: found.isEmpty ? ["\(name) wrote nothing by the moved clock"] : found)
  }

  private static func timeOfDay(_ line: String) -> Double? {
    let parts = line.prefix { $0 != " " }.dropLast(line.prefix { $0 != " " }.hasSuffix("Z") ? 1 : 0).split(separator: ":")
      .compactMap { Double($0) }
    return parts.count == 3 ? parts[0] * 3600 + parts[1] * 60 + parts[2] : nil
  }

  private static func text(_ time: Double) -> String { Date(timeIntervalSince1970: time).ISO8601Format() }
}
