import JudgeServer
import Rollout
import Settings
import Synchronization
import Testing

@testable import Engines

@Suite("A scorer's engine")
struct GroupGraderTests {
  /// Of two members, with these answers, to a problem whose answer is 1.
  private func group(_ number: UInt64, _ answers: [String]) -> ResponseGroup {
    let unit = UnitID(epoch: 0, prompt: UInt32(number))
    let lease = Lease(
      id: LeaseID(incarnation: 1, number: number), unit: unit, attempt: 1, version: 0, step: 1,
      task: PromptTask(problem: "1 + 0 ?", system: nil, images: [], problemType: "numerical", solution: "1"))
    let responses = answers.map {
      Response(tokens: [1], logProbabilities: [-0.5], finish: .stop, text: "<think>so it is</think><answer>\($0)</answer>")
    }
    return ResponseGroup(lease: lease, responses: responses, seconds: 0)
  }

  private func settings(_ server: JudgeServer) throws -> String {
    var settings = RunSettings()
    settings.rollout.groupSize = 2
    settings.thinking.kind = .served
    settings.thinking.url = server.url
    settings.thinking.model = "any"
    settings.cluster.leaseSeconds = 20
    settings.thinking.requestSeconds = 5
    settings.thinking.waitSeconds = 5
    return try settings.json()
  }

  @Test("a judge that does not answer holds up no group whose thinking is not asked for")
  func slowJudge() async throws {
    let isHanging = Mutex(true)
    let server = try JudgeServer(grade: { _ in 0.5 }, behave: { _ in isHanging.withLock { $0 } ? .hang : .answer() })
    defer { server.close() }
    let grader = GroupGrader(threads: 1, log: { _, _ in })
    let pace = try await grader.prepare(folder: "/nowhere", settings: try settings(server))
    #expect(pace.atOnce >= 16 && pace.patience > .seconds(15))
    let mixed = Task { try await grader.score(group(1, ["1", "2"])) }
    while server.requests == 0 { try await Task.sleep(for: .milliseconds(5)) }
    let started = ContinuousClock.now
    let right = try await grader.score(group(2, ["1", "1"]))
    #expect(right.outcomes == [1, 1] && right.thinking == [nil, nil] && right.rewards.missingThinking == 0)
    #expect(ContinuousClock.now - started < .seconds(3))
    isHanging.withLock { $0 = false }
    let judged = try await mixed.value
    #expect(judged.outcomes == [1, 0] && judged.thinking == [0.5, 0.5])
  }

  @Test("a score that is missing is counted, and a judge that refuses everybody ends the engine")
  func missing() async throws {
    let server = try JudgeServer(grade: { _ in 0.5 }, behave: { _ in .answer(text: "7") })
    defer { server.close() }
    let grader = GroupGrader(threads: 1, log: { _, _ in })
    _ = try await grader.prepare(folder: "/nowhere", settings: try settings(server))
    let scored = try await grader.score(group(1, ["1", "2"]))
    #expect(scored.thinking == [nil, nil] && scored.rewards.missingThinking == 2 && scored.rewards.weight == 0)
    let shut = try JudgeServer(key: "other", grade: { _ in 0.5 })
    defer { shut.close() }
    _ = try await grader.prepare(folder: "/nowhere", settings: try settings(shut))
    await #expect(throws: EngineStopped.self) { try await grader.score(group(2, ["1", "2"])) }
  }
}
