import Foundation
import Testing

@testable import Torch

@Suite("Free memory")
struct FreeMemoryTests {
  static let meminfo = "MemTotal:       32000000 kB\nMemFree:          100 kB\nMemAvailable:   20000000 kB\n"

  /// What is free according to a tree of files as Linux has them.
  static func free(_ files: [String: String]) throws -> Int? {
    let root = FileManager.default.temporaryDirectory.appending(path: "memory-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    for (path, text) in files {
      let file = root.appending(path: path)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    return HostMemory(root: root.path).free
  }

  @Test("without control groups it is what the kernel has available; without /proc nobody knows")
  func kernel() throws {
    #expect(try Self.free(["proc/meminfo": Self.meminfo]) == 20_000_000 * 1024)
    #expect(try Self.free(["proc/version": "x"]) == nil)
  }

  @Test("a group of the second version bounds it, of all above the process the tightest; cached files make room")
  func secondVersion() throws {
    let files = [
      "proc/meminfo": Self.meminfo, "proc/self/cgroup": "0::/jobs/mine\n",
      "sys/fs/cgroup/jobs/mine/memory.max": "max\n", "sys/fs/cgroup/jobs/mine/memory.current": "5000\n",
      "sys/fs/cgroup/jobs/memory.max": "1000000\n", "sys/fs/cgroup/jobs/memory.current": "900000\n",
      "sys/fs/cgroup/jobs/memory.stat": "anon 100\ninactive_file 30000\nactive_file 20000\n",
    ]
    #expect(try Self.free(files) == 150_000)
    var looser = files
    looser["sys/fs/cgroup/jobs/memory.max"] = "900000000000\n"
    #expect(try Self.free(looser) == 20_000_000 * 1024)
  }

  @Test("a container that sees only its own group is bounded by it, in either version")
  func container() throws {
    let second = [
      "proc/meminfo": Self.meminfo, "proc/self/cgroup": "0::/not/seen/from/here\n",
      "sys/fs/cgroup/memory.max": "4096000\n", "sys/fs/cgroup/memory.current": "96000\n",
    ]
    #expect(try Self.free(second) == 4_000_000)
    let first = [
      "proc/meminfo": Self.meminfo, "proc/self/cgroup": "5:cpu:/\n4:memory:/docker/abc\n0::/\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "8000000\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "7000000\n",
      "sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 500000\ntotal_active_file 0\n",
    ]
    #expect(try Self.free(first) == 1_500_000)
    var unlimited = first
    unlimited["sys/fs/cgroup/memory/memory.limit_in_bytes"] = "9223372036854771712\n"
    #expect(try Self.free(unlimited) == 20_000_000 * 1024)
  }

  @Test("this machine says how much it has")
  func here() throws {
    let free = try #require(Device.cpu.freeMemory)
    #expect(free > 1 << 26 && free < 1 << 50)
  }
}
