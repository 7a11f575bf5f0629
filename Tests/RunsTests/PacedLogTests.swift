import Rollout
import Runs
import Synchronization
import Testing

@Suite("The log of a process that is attacked")
struct PacedLogTests {
  private final class Lines: Sendable {
    let all = Mutex<[String]>([])
    var log: PacedLog { PacedLog(burst: 3) { [self] level, text in all.withLock { $0.append("\(level.rawValue): \(text)") } } }
  }

  @Test("like warnings beyond a few come at one a second, with how many were left out; everything else is written")
  func paces() async throws {
    let lines = Lines()
    let log = lines.log
    for number in 0..<1000 {
      log.log(.warning, "refused a message from worker-\(number)")
      if number == 500 { log.log(.warning, "turned away the unregistered key \(number)") }
      if number % 100 == 0 { log.log(.info, "step \(number)") }
    }
    #expect(lines.all.withLock { $0.count { $0.contains("refused") } } == 3)
    #expect(lines.all.withLock { $0.count { $0.contains("turned away") } } == 1)
    #expect(lines.all.withLock { $0.count { $0.contains("info: step") } } == 10)
    try await Task.sleep(for: .milliseconds(1100))
    log.log(.warning, "refused a message from worker-0")
    #expect(lines.all.withLock { $0.last } == "warning: refused a message from worker-0 (997 more like it were left out)")
  }

  @Test("kinds that a peer makes up are no way around it")
  func manyKinds() {
    let lines = Lines()
    let log = lines.log
    for number in 0..<10_000 { log.log(.warning, "made up \(number) by a peer") }
    #expect(lines.all.withLock { $0.count } <= 70)
  }
}
