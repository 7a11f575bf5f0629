internal import Foundation
internal import Synchronization

/// Of the clock that all processes of this machine share.
func monotonicSeconds() -> Double { seconds(of: CLOCK_MONOTONIC) }

/// Seconds of all cores that this process has used.
func processorSeconds() -> Double { seconds(of: CLOCK_PROCESS_CPUTIME_ID) }

private func seconds(of clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// What a process has used of the processor, noted every now and then, so that whoever measures can ask about any stretch of
/// time afterwards.
struct UsageSamples: Sendable, Codable {
  private var times: [Double] = []
  private var used: [Double] = []

  mutating func note(_ value: Double = processorSeconds()) {
    times.append(monotonicSeconds())
    used.append(value)
  }

  /// How much was added between two moments.
  func used(from start: Double, to end: Double) -> Double { at(end) - at(start) }

  private func at(_ time: Double) -> Double {
    guard let next = times.firstIndex(where: { $0 >= time }) else { return used.last ?? 0 }
    guard next > 0 else { return used[0] }
    let share = (time - times[next - 1]) / max(1e-9, times[next] - times[next - 1])
    return used[next - 1] + share * (used[next] - used[next - 1])
  }
}

/// Notes usage ten times a second for as long as it is not stopped.
final class UsageRecorder: Sendable {
  private let samples = Mutex(UsageSamples())
  private let task = Mutex<Task<Void, Never>?>(nil)

  /// - Parameter value: what to note; by default the process's own use of the processor.
  init(_ value: @escaping @Sendable () -> Double = processorSeconds) {
    samples.withLock { $0.note(value()) }
    task.withLock {
      $0 = Task { [weak self] in
        while !Task.isCancelled {
          try? await Task.sleep(for: .milliseconds(100))
          self?.samples.withLock { $0.note(value()) }
        }
      }
    }
  }

  /// - Returns: everything until now.
  func stop() -> UsageSamples {
    task.withLock { $0?.cancel() }
    return samples.withLock { $0 }
  }
}

/// What the machine is at, from the kernel's counters.
enum MachineUsage {
  private static let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))

  /// Seconds of all cores that were not idle.
  static func busySeconds() -> Double {
    guard let line = text("/proc/stat")?.split(separator: "\n").first else { return 0 }
    let fields = line.split(separator: " ").dropFirst().prefix(8).compactMap { Double($0) }
    guard fields.count >= 5 else { return 0 }
    return (fields.reduce(0, +) - fields[3] - fields[4]) / ticks
  }

  /// Bytes that the loopback interface has carried.
  static func loopbackBytes() -> Double {
    let line = text("/proc/net/dev")?.split(separator: "\n").first { $0.drop { $0 == " " }.hasPrefix("lo:") }
    return line?.split(whereSeparator: { $0 == " " || $0 == ":" }).dropFirst().first.flatMap { Double($0) } ?? 0
  }

  /// Seconds of a core that each thread of this process has used, those of one name together.
  static func secondsByThread() -> [String: Double] {
    var seconds: [String: Double] = [:]
    for thread in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? [] {
      // PID (NAME) STATE and then numbers, of which the 12th and 13th are its time in the program and in the kernel.
      guard let stat = text("/proc/self/task/\(thread)/stat"), let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")")
      else { continue }
      let numbers = stat[stat.index(after: close)...].split(separator: " ").dropFirst().compactMap { Double($0) }
      guard numbers.count > 11 else { continue }
      seconds[String(stat[stat.index(after: open)..<close]), default: 0] += (numbers[10] + numbers[11]) / ticks
    }
    return seconds
  }

  private static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
}
