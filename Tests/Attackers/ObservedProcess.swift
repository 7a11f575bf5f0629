package import Foundation

/// What the system says of a process.
package struct ObservedProcess: Sendable {
  package static let current = ObservedProcess(pid: getpid())

  package let pid: pid_t

  package init(pid: pid_t) {
    self.pid = pid
  }

  /// In bytes; 0 once it has ended.
  package var residentBytes: Int {
    let fields = (try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8))?.split(separator: " ") ?? []
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(getpagesize())
  }

  package var descriptors: Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0 }

  /// TCP ports that it listens on, with IPv4.
  package var listeningPorts: [UInt16] {
    let folder = "/proc/\(pid)/fd"
    let links = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap {
      try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
    }
    let inodes = Set(links.compactMap { $0.hasPrefix("socket:[") ? String($0.dropFirst(8).dropLast()) : nil })
    let table = (try? String(contentsOfFile: "/proc/\(pid)/net/tcp", encoding: .utf8)) ?? ""
    return table.split(separator: "\n").dropFirst().compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count > 9, fields[3] == "0A", inodes.contains(String(fields[9])) else { return nil }
      return fields[1].split(separator: ":").last.flatMap { UInt16($0, radix: 16) }
    }
  }
}
