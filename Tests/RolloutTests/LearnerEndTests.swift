import Testing

@testable import Rollout

@Suite("The end of a run")
struct LearnerEndTests {
  /// One step of one prompt, delivered and in training.
  private func training() -> LearnerBench {
    var bench = LearnerBench(.sample(steps: 2, prompts: 1))
    bench.join()
    bench.deliver(bench.issued[0])
    return bench
  }

  private func sayGoodbye(_ bench: inout LearnerBench) {
    bench.say(.bye(reason: ""), .worker)
    bench.say(.bye(reason: ""), .scorer, role: .scorer)
  }

  @Test("stopped: the step under way is finished, then a checkpoint, then a farewell to all, then the end")
  func stop() {
    var bench = training()
    #expect(bench.receive(.stop(reason: "Ctrl-C")).sent(to: .worker).isEmpty)
    let afterStep = bench.train()
    #expect(bench.checkpoints == [1] && afterStep.sent(to: .worker).isEmpty && afterStep.issued.isEmpty)
    let afterCheckpoint = bench.finishCheckpoint()
    let farewell = LearnerMessage.shutdown(reason: "the run was stopped: Ctrl-C", isComplete: false)
    #expect(afterCheckpoint.sent(to: .worker) == [farewell] && afterCheckpoint.sent(to: .scorer) == [farewell])
    #expect(bench.end == nil)
    sayGoodbye(&bench)
    #expect(bench.end == .interrupted(reason: "Ctrl-C"))
  }

  @Test("stopped again: the end waits for nothing that is under way, and late answers change nothing")
  func stopTwice() {
    var bench = training()
    bench.receive(.stop(reason: "Ctrl-C"))
    #expect(!bench.receive(.stop(reason: "Ctrl-C")).sent(to: .worker).isEmpty)
    bench.train()
    sayGoodbye(&bench)
    #expect(bench.end == .interrupted(reason: "Ctrl-C") && bench.checkpoints.isEmpty && bench.role.version == 0)
  }

  @Test("stopped with nothing new since the last checkpoint: no other is made")
  func stopIdle() {
    var bench = LearnerBench()
    #expect(bench.receive(.stop(reason: "enough")).finish == .interrupted(reason: "enough"))
    #expect(bench.checkpoints.isEmpty)
  }

  @Test("peers that do not say goodbye hold the end up no longer than the grace")
  func silentPeers() {
    var bench = LearnerBench()
    bench.join()
    bench.receive(.stop(reason: "enough"))
    #expect(bench.wait(.seconds(4)).finish == nil)
    let actions = bench.wait(.seconds(1))
    #expect(actions.finish == .interrupted(reason: "enough") && actions.logged("w1 did not say goodbye in time"))
    #expect(bench.receive(.tick).isEmpty)
  }

  @Test("a farewell that was lost is said again")
  func lostFarewell() {
    var bench = LearnerBench()
    bench.join()
    bench.receive(.stop(reason: "enough"))
    let farewell = LearnerMessage.shutdown(reason: "the run was stopped: enough", isComplete: false)
    #expect(bench.beat().sent(to: .worker).contains(farewell))
    #expect(bench.say(.hello(.sample(.worker)), .otherWorker).sent(to: .otherWorker) == [farewell])
    sayGoodbye(&bench)
    #expect(bench.end != nil)
  }

  @Test("the run ends only when its last records are durable")
  func unsynced() {
    var bench = LearnerBench(.sample(steps: 1, prompts: 1))
    bench.join()
    bench.deliver(bench.issued[0])
    bench.isDiskPrompt = false
    bench.train()
    bench.finishCheckpoint()
    sayGoodbye(&bench)
    #expect(bench.end == nil)
    bench.receive(.journaled(through: .max))
    #expect(bench.end == .completed)
  }

  @Test("a journal that does not answer is a failure, after the grace")
  func deadJournal() {
    var bench = LearnerBench()
    bench.isDiskPrompt = false
    bench.join()
    bench.receive(.stop(reason: "enough"))
    sayGoodbye(&bench)
    bench.wait(.seconds(5))
    #expect(bench.end == .failed(reason: "the journal did not confirm its last records within 5.0 s"))
  }

  @Test("a failure ends the run without a checkpoint, at whatever point it comes", arguments: 0..<3)
  func failure(point: Int) {
    var bench = training()
    if point >= 1 { bench.receive(.stop(reason: "Ctrl-C")) }
    if point >= 2 {
      bench.train()
      bench.finishCheckpoint()
    }
    bench.receive(.failed("the disk is full"))
    bench.receive(.failed("and again"))
    sayGoodbye(&bench)
    #expect(bench.end == .failed(reason: "the disk is full"))
    #expect(bench.checkpoints == (point == 2 ? [1] : []))
  }

  @Test("a run that makes no progress for the time that is set ends with a reason of its own, after a checkpoint")
  func stallLimit() {
    var settings = LearnerSettings.sample(steps: 2, prompts: 1)
    settings.endAfterStall = .seconds(100)
    var bench = LearnerBench(settings)
    bench.join()
    bench.deliver(bench.issued[0])
    bench.train()
    bench.say(.bye(reason: ""), .worker)
    bench.say(.bye(reason: ""), .scorer, role: .scorer)
    var warnings = 0
    for _ in 0..<101 where bench.wait(.seconds(1)).logged("no progress for") { warnings += 1 }
    #expect(warnings == 3 && bench.checkpoints == [1])
    bench.finishCheckpoint()
    #expect(bench.end == .stalled(reason: "no progress for 101 s, waiting for a worker to join"))
  }

  @Test("a run that stalls on its trainer ends without waiting for it")
  func stalledTrainer() {
    var settings = LearnerSettings.sample(steps: 2, prompts: 1)
    settings.endAfterStall = .seconds(100)
    var bench = LearnerBench(settings)
    bench.join()
    bench.deliver(bench.issued[0])
    sayGoodbye(&bench)
    for _ in 0..<102 { bench.wait(.seconds(1)) }
    #expect(bench.end == .stalled(reason: "no progress for 101 s, waiting for the trainer"))
  }

  @Test("while the journal has no room nothing is leased and nothing acknowledged; then it goes on")
  func journalPaused() {
    var bench = LearnerBench(.sample(prompts: 4))
    bench.join(credit: 2)
    bench.isDiskPrompt = false
    bench.receive(.journalPaused(reason: "no space left"))
    let actions = bench.deliver(bench.issued[0]) + bench.beat(credit: 3)
    #expect(actions.issued.isEmpty && !actions.sent(to: .worker).contains(.durable([bench.issued[0].id])))
    #expect(!bench.receive(.journalPaused(reason: "no space left")).logged("no space"))  // said once
    let after = bench.receive(.journaled(through: .max))
    #expect(after.sent(to: .worker).contains(.durable([bench.issued[0].id])) && after.issued.count == 2)
  }

  @Test("a checkpoint that could not be made is tried again, and the run does not end without it")
  func checkpointFails() {
    var bench = LearnerBench(.sample(steps: 1, prompts: 1))
    bench.join()
    bench.deliver(bench.issued[0])
    bench.train()
    bench.receive(.checkpointFailed(step: 1, reason: "no space left"))
    sayGoodbye(&bench)
    #expect(bench.checkpoints == [1] && bench.end == nil)
    bench.wait(.seconds(5))
    #expect(bench.checkpoints == [1, 1])
    bench.finishCheckpoint()
    #expect(bench.end == .completed)
  }

  @Test("what is out when a run is stopped goes back into the queue, so that the next start finds it there")
  func nothingOut() {
    var bench = LearnerBench(.sample(prompts: 2))
    bench.join()
    bench.receive(.stop(reason: "Ctrl-C"))
    #expect(bench.role.ledger.count(.queued) == 2)
    #expect(bench.records.count { if case .leaseEnded = $0 { true } else { false } } == 2)
  }

  @Test("a run without progress says whom it waits for", arguments: [false, true])
  func stalled(hasWorker: Bool) {
    var bench = LearnerBench(.sample(prompts: 1))
    if hasWorker { bench.join() }
    var actions: [LearnerAction] = []
    for _ in 0..<31 {
      actions += bench.wait(.seconds(1))
      if hasWorker { bench.beat(held: [bench.issued[0].id]) }
    }
    let waiting = hasWorker ? "lease 1.1 of w1" : "a worker to join"
    #expect(actions.logged("no progress for 31 s at step 1: waiting for \(waiting)"))
  }
}
