import DurableFiles
import RunStore
import Runs
import Testing

/// Runs of the real program as real processes over TCP on loopback, on a model of tiny size that has learnt nothing.
@Suite(.serialized) struct LocalRunTests {
  @Test("a local run ends with every group trained, and its weights do not depend on the number of workers or a kill")
  func sameBits() throws {
    let world = try World()
    let one = try world.run("one", workers: 1)
    #expect(one.status == 0, "\(one.errors)")
    let two = try world.run("two", workers: 2, killingOneWorker: true)
    #expect(two.status == 0, "\(two.errors)")

    let (first, second) = (try world.reader("one"), try world.reader("two"))
    let counts = try first.counts()
    #expect(counts.issued == World.steps * World.promptsPerStep)
    #expect(counts[.trained] == counts.issued)
    #expect(try first.audit().problems == [])
    #expect(try second.audit().problems == [])
    #expect(try first.latestStep()?.step == UInt32(World.steps))
    #expect(try first.latestStep()?.policy == second.latestStep()?.policy)
    #expect(try world.policyBytes("one") == world.policyBytes("two"))
    // The policy has moved: equal bits are not those of an untrained model.
    #expect(try world.policyBytes("one") != DurableFiles.read("\(world.base)/model.safetensors"))
  }

  @Test("a run that is interrupted goes on from its checkpoint and ends on the same bits")
  func goesOn() throws {
    let world = try World()
    let whole = try world.run("whole", workers: 1)
    #expect(whole.status == 0, "\(whole.errors)")
    let part = try world.run("part", workers: 1, interruptedAfterStep: 2)
    #expect(part.status == 75, "\(part.errors)")
    #expect(part.errors.contains("go on with"))
    let rest = try world.run("part", workers: 1)
    #expect(rest.status == 0, "\(rest.errors)")
    #expect(try world.policyBytes("part") == world.policyBytes("whole"))
    #expect(try world.reader("part").audit().problems == [])
  }

  @Test(
    "bad settings end with one line that says what is wrong, and no run folder keeps them",
    arguments: [
      (["run.stepz=3"], "run.steps"), (["data.trainFiles=[/nowhere/rows.jsonl]"], "/nowhere/rows.jsonl"),
      (["model.folder=/nowhere"], "/nowhere"), (["rollout.groupSize=0"], "rollout.groupSize"),
    ])
  func refusals(overrides: [String], named: String) throws {
    let world = try World()
    let result = try world.run("bad", workers: 1, overrides: overrides)
    #expect(result.status == RunExit.misconfigured)
    #expect(result.errors.contains(named), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count { $0.hasPrefix("sophia: ") && !$0.hasPrefix("sophia: note") } == 1, "\(result.errors)")
    let mended = try world.run("bad", workers: 1)
    #expect(mended.status == 0, "\(mended.errors)")
  }
}
