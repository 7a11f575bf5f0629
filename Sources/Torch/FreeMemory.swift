internal import CTorch
internal import Foundation

extension Device {
  /// Bytes that can still be taken; nil where nobody says.
  ///
  /// Of the machine, what the kernel has available for programs, and no more than this process's control groups (a
  /// container's limit, a job's share) still allow. Of a CUDA device, what its driver says.
  package var freeMemory: Int? {
    switch self {
    case .cpu: HostMemory().free
    case .cuda(let index):
      try? TorchRuntime.cudaFreeMemory(index)
    }
  }
}

/// The machine's memory as Linux tells it in files.
struct HostMemory {
  /// What the paths begin with; tests have a tree of their own.
  var root = ""

  var free: Int? { [available, allowed].compactMap { $0 }.min() }

  /// `MemAvailable`, bytes.
  private var available: Int? {
    value(of: "MemAvailable:", in: "/proc/meminfo").map { $0 * 1024 }
  }

  /// What the tightest control group above this process leaves, bytes; nil if none has a limit.
  private var allowed: Int? {
    var found: [Int] = []
    for line in (text("/proc/self/cgroup") ?? "").split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isSecond = fields[0] == "0" && fields[1].isEmpty
      guard isSecond || fields[1].split(separator: ",").contains("memory") else { continue }
      var names = fields[2].split(separator: "/")
      // Inside a container the names of the groups above it may lead nowhere; the top is the container's own then.
      while true {
        let group = names.map { "/" + $0 }.joined()
        let left =
          isSecond
          ? left("/sys/fs/cgroup" + group, limit: "memory.max", usage: "memory.current", files: "")
          : left(
            "/sys/fs/cgroup/memory" + group, limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", files: "total_")
        if let left { found.append(left) }
        if names.popLast() == nil { break }
      }
    }
    return found.min()
  }

  /// Cached files count as used, and make room when asked to.
  private func left(_ group: String, limit: String, usage: String, files: String) -> Int? {
    guard let limit = number("\(group)/\(limit)"), let usage = number("\(group)/\(usage)") else { return nil }
    let cached = ["inactive_file", "active_file"].compactMap { value(of: files + $0, in: "\(group)/memory.stat") }
    return max(0, limit - usage + cached.reduce(0, +))
  }

  /// Nil for `max`, and for the number near 2^63 that stands for no limit.
  private func number(_ path: String) -> Int? {
    text(path).flatMap { Int($0.filter { !$0.isWhitespace }) }.flatMap { $0 < 1 << 60 ? $0 : nil }
  }

  private func value(of key: String, in path: String) -> Int? {
    for line in (text(path) ?? "").split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count > 1, fields[0] == key { return Int(fields[1]) }
    }
    return nil
  }

  private func text(_ path: String) -> String? { try? String(contentsOfFile: root + path, encoding: .utf8) }
}

extension TorchRuntime {
  fileprivate static func cudaFreeMemory(_ index: Int) throws(TorchError) -> Int {
    try require(.cuda(index))
    var bytes = 0
    try Tensor.check("cuda_memory", []) { ctorch_cuda_free_memory(CInt(index), &bytes) }
    return bytes
  }
}
