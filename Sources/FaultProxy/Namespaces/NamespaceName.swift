internal import Foundation

/// What a network namespace of ours is called: `sophia-PROCESS-SET-HOST`. The process in it tells leftovers apart.
struct NamespaceName: Hashable {
  private static let prefix = "sophia"
  /// Where `ip netns` keeps them.
  private static let folder = "/run/netns"

  /// The process that made it.
  let process: Int32
  let set: Int
  let host: String

  init(process: Int32, set: Int, host: String) {
    (self.process, self.set, self.host) = (process, set, host)
  }

  /// Nil if it is not one of ours.
  init?(_ text: String) {
    let parts = text.split(separator: "-", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == Self.prefix, let process = Int32(parts[1]), process > 0, let set = Int(parts[2])
    else { return nil }
    self.init(process: process, set: set, host: String(parts[3]))
  }

  var text: String { "\(Self.prefix)-\(process)-\(set)-\(host)" }
  var path: String { "\(Self.folder)/\(text)" }
  var exists: Bool { FileManager.default.fileExists(atPath: path) }

  var isLeftover: Bool { kill(process, 0) != 0 && errno == ESRCH }

  /// Those of ours that are there, of whatever process.
  static var all: [NamespaceName] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return entries.sorted().compactMap { NamespaceName($0) }
  }

  /// Kills what runs in it and removes it, and with it its interfaces.
  func remove() throws(FaultProxyError) {
    guard exists else { return }
    let processes = try NetworkTool.ip.run(["netns", "pids", text]).split(whereSeparator: \.isWhitespace)
    for process in processes.compactMap({ Int32($0) }) where process != getpid() { kill(process, SIGKILL) }
    try NetworkTool.ip.run(["netns", "del", text])
  }
}
