import Glibc
import RewardProgram
import Synchronization
import Testing

/// Suites with real children, one test at a time: some count what this process has.
@Suite("a reward program", .serialized, .timeLimit(.minutes(1)))
enum RealPrograms {}

/// Shell of programs for tests.
enum Script {
  /// Reads a request into `line`, and its id and response into variables of those names.
  static let read = """
    next() {
      read -r line || return 1
      id=${line#*:}; id=${id%%,*}
      response=${line#*\\"response\\":\\"}; response=${response%%\\"*}
    }
    answer() { echo "{\\"id\\":$1,\\"reward\\":$2}"; }

    """
  /// Rewards are the responses.
  static let echo = read + "while next; do answer $id $response; done"
}

extension RewardProgram {
  /// A shell script that is not restarted for long.
  static func shell(
    _ script: String, time: Duration = .seconds(20), memoryBytes: Int? = nil, restarts: Int = 3,
    firstDelay: Duration = .milliseconds(1), longestDelay: Duration = .seconds(10), farewell: Duration = .seconds(2),
    log: LogLines = LogLines()
  ) -> RewardProgram {
    RewardProgram(
      command: ["/bin/sh", "-c", script],
      limits: RewardProgramLimits(
        time: time, memoryBytes: memoryBytes, restarts: restarts, firstDelay: firstDelay, longestDelay: longestDelay,
        farewell: farewell),
      log: { log.add($0) })
  }

  /// Why a call has no rewards.
  func failure(_ responses: [String] = ["0.5"]) async throws -> RewardProgramError {
    let rewards: [Double]
    do throws(RewardProgramError) {
      rewards = try await self.rewards(requests(responses))
    } catch {
      return error
    }
    throw NoFailure(rewards: rewards)
  }
}

struct NoFailure: Error {
  let rewards: [Double]
}

func requests(_ responses: [String]) -> [RewardRequest] {
  responses.map { RewardRequest(problem: "red + blue ?", problemType: "numerical", solution: "8", response: $0) }
}

final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])

  func add(_ line: String) { lines.withLock { $0.append(line) } }
  var all: [String] { lines.withLock { $0 } }
}

/// What this process has, by /proc.
enum Own {
  static var descriptors: Int { entries("/proc/self/fd").count }

  /// Processes, also those that have ended and not been waited for.
  static var children: [Int32] {
    entries("/proc/self/task").flatMap { thread in
      text("/proc/self/task/\(thread)/children").split(separator: " ").compactMap { Int32($0) }
    }
  }

  /// Waits for it: threads and processes need a moment to go.
  static func comesTrue(within limit: Duration = .seconds(5), _ condition: () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
      if condition() { return true }
      usleep(5000)
      await Task.yield()
    }
    return condition()
  }

  private static func entries(_ folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      })
    }
    return names.filter { !$0.hasPrefix(".") }
  }

  static func text(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }
}
