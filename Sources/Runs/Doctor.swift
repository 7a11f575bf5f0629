internal import Foundation
internal import Torch
internal import ZeroMQ

/// Looks at this machine for what a run needs.
package enum Doctor {
  package struct Finding: Sendable, Hashable {
    package let isGood: Bool
    package let text: String
  }

  /// - Parameter folder: where runs are to be kept.
  package static func examine(folder: String) -> [Finding] {
    var findings: [Finding] = []
    func note(_ isGood: Bool, _ text: String) { findings.append(Finding(isGood: isGood, text: text)) }

    let cores = ProcessInfo.processInfo.activeProcessorCount
    note(cores >= 2, "\(cores) cores\(cores >= 2 ? "" : "; a local run wants at least 2")")
    let memory = Int(ProcessInfo.processInfo.physicalMemory >> 20)
    note(memory >= 4096, "\(memory) MiB of memory\(memory >= 4096 ? "" : "; a local run wants at least 4096")")
    note(true, "libtorch \(TorchRuntime.version)")
    let devices = (try? TorchRuntime.cudaDeviceCount()) ?? 0
    note(true, devices > 0 ? "\(devices) CUDA device(s)" : "no CUDA device: runs use the CPU")
    note(
      ZeroMQContext.hasCurve,
      "libzmq \(ZeroMQContext.version)\(ZeroMQContext.hasCurve ? " with CURVE" : " without CURVE: install libzmq3-dev of Debian")")

    let url = URL(fileURLWithPath: folder)
    let free = (try? url.resourceValues(forKeys: [.volumeAvailableCapacityKey]))?.volumeAvailableCapacity ?? 0
    note(free >= 1 << 30, "\(free >> 20) MiB free in \(url.path)\(free >= 1 << 30 ? "" : "; a run wants at least 1024")")
    note(
      FileManager.default.isWritableFile(atPath: url.path),
      "\(url.path) \(FileManager.default.isWritableFile(atPath: url.path) ? "can" : "cannot") be written to")
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    note(limit.rlim_cur >= 1024, "\(limit.rlim_cur) open files allowed\(limit.rlim_cur >= 1024 ? "" : "; raise it with ulimit -n 1024")")
    return findings
  }
}
