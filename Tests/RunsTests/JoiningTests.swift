import DurableFiles
import Foundation
import Rollout
import Runs
import Testing

/// Processes that join from other machines: invites, probes, local models, and what is said when something does not fit.
@Suite(.serialized) struct JoiningTests {
  @Test("workers and scorers that share invites and find the model on their machine give the bits of one worker")
  func invited() throws {
    let undisturbed = try UndisturbedRun.shared
    let world = undisturbed.world
    let roles = try RolesByHand("invited", in: world)
    defer { roles.end() }
    let (workers, scorers) = (try roles.invite("workers", as: .worker), try roles.invite("scorers", as: .scorer))
    let status = (0..<4).map { "\(world.folder)/invited.status-\($0)" }
    // The learner and the scorer are probed while a worker stands still, so that the run is not over too soon.
    let fault = Fault(.stop, "worker", "leased", in: world)
    let learner = try roles.learner(options: ["--status", status[0]])
    _ = try roles.join("scorer", "invited-scorer", with: scorers, options: ["--status", status[1]])
    let first = try roles.join(
      "worker", "invited-0", with: workers, fault: fault, options: ["--model", world.base, "--status", status[2]])
    try eventually("the worker stands still") { fault.hasStruck && isStopped(first.pid) }
    for (role, file) in [("learner", status[0]), ("scorer", status[1])] {
      try eventually("the \(role) is ready") { try probe(role, file, in: world).status == 0 }
    }
    let probed = try probe("learner", status[0], in: world).output
    #expect(probed.contains("step 0 of 4, 2 peers") && probed.contains("waits for lease"), "\(probed)")
    #expect(try probe("worker", status[3], in: world).output.contains("there is no"))
    #expect(try probe("worker", status[1], in: world).output.contains("is of a scorer"))
    #expect(try probe("worker", world.folder, in: world).output.contains("\(world.folder) is not a file"))

    // Another process of the same key is another worker.
    let second = try roles.join("worker", "invited-1", with: workers, options: ["--model", world.folder])
    try eventually("it has looked for the model") { second.log.contains("the local model is not used") }
    first.signal(SIGCONT)
    #expect(try learner.end() == .exited(0), "\(learner.log)")
    try undisturbed.expectSame("invited")
    #expect(try first.end() == .exited(0) && second.end() == .exited(0))
    let weights = try FileManager.default.attributesOfItem(atPath: "\(world.base)/model.safetensors")[.size] as? Int ?? 0
    let said = first.log.firstMatch(of: /(\d+) KiB of the weights were here/)
    let taken = try #require(said).1
    #expect(Int(taken).map { $0 > weights / 1024 * 9 / 10 } == true, "\(taken) of \(weights >> 10)")
    #expect(first.log.contains("policy/config.json is taken from \(world.base)/config.json"))
  }

  private func probe(_ role: String, _ file: String, in world: World) throws -> World.Outcome {
    try world.sophia(["doctor", "--role", role, "--status", file, "--ready"], log: "probe-\(role)")
  }

  @Test("a process whose loop does not turn is not alive, and one that waits for its learner is not ready")
  func notAlive() throws {
    let world = try UndisturbedRun.shared.world
    let roles = try RolesByHand("unanswered", in: world)
    defer { roles.end() }
    try roles.keys.create(scorers: 0, workers: 0)
    let invite = try roles.invite("workers", as: .worker)
    let status = "\(world.folder)/unanswered.status"
    let worker = try roles.join(
      "worker", "unanswered-0", with: invite, at: "tcp://127.0.0.1:9", options: ["--status", status, "--give-up-after", "12"])
    try eventually("it is alive") { StatusFile.examine(status, role: .worker, ready: false) == .good("worker, process \(worker.pid): waits for the learner's welcome") }
    #expect(StatusFile.examine(status, role: .worker, ready: true) == .bad("not ready: worker, process \(worker.pid): waits for the learner's welcome"))
    try worker.waitToSay("nothing listens on port 9 of 127.0.0.1: start the learner, or check the port")
    #expect(try worker.end() == .exited(1))
    #expect(worker.log.contains("waited 12 s for the learner"))
    let old = "\(world.folder)/old.status"
    try DurableFiles.write(
      #"{"role":"worker","pid":1,"writtenAt":0.5,"condition":{"isReady":true,"isJoined":true,"text":"works"}}"#, to: old)
    guard case .bad(let words) = StatusFile.examine(old, role: .worker, ready: false) else { return #expect(Bool(false), "it is taken for alive") }
    #expect(words.contains("it has ended or hangs"))
  }

  @Test("an invite that does not fit is refused in words, before anybody is asked or by the learner")
  func misfits() throws {
    let world = try UndisturbedRun.shared.world
    let roles = try RolesByHand("misfits", in: world)
    defer { roles.end() }
    let (workers, eyes) = (try roles.invite("workers", as: .worker), try roles.invite("eyes", as: .observer))
    func refused(_ words: String, _ role: String = "worker", _ invite: String, _ options: [String] = []) throws {
      let outcome = try world.sophia([role, "--join", "tcp://127.0.0.1:9", "--keys", invite] + options, log: "misfit")
      #expect(outcome.status == RunExit.misconfigured && outcome.errors.contains(words), "\(outcome.errors)")
    }
    try refused("is for workers, and this is to join as scorer", "scorer", workers)
    try refused("is for observers, and this is to join as worker", "worker", eyes)
    try refused("there is no", "worker", "\(world.folder)/none.invite")
    try refused("is a folder of keys and none is named", "worker", roles.keys.folder)
    try refused("invites workers, not others", "worker", workers, ["--name", "others"])
    try refused("is not an invite", "worker", "\(roles.keys.folder)/worker-0")
    chmod(workers, 0o644)
    try refused("can be read by others", "worker", workers)
    chmod(workers, 0o600)
    #expect(throws: KeysError.self) { try roles.invite("workers", as: .worker) }

    // A key that was taken off the list, and a learner that is another than the invite's.
    let learner = try roles.learner()
    _ = try roles.keys.revoke("workers")
    try learner.waitToSay("workers may no longer join")
    let revoked = try roles.join("worker", "misfit-revoked", with: workers)
    #expect(try revoked.end() == .exited(1) && revoked.log.contains("refuses this process's key"), "\(revoked.log)")
    let other = RunKeys(folder: "\(world.folder)/other.keys")
    try other.create(scorers: 0, workers: 0)
    let foreign = "\(world.folder)/foreign.invite"
    _ = try other.invite("workers", as: .worker, to: foreign)
    let stranger = try roles.join("worker", "misfit-stranger", with: foreign, options: ["--give-up-after", "10"])
    try stranger.waitToSay("is it the learner's first port, and its key the one that this process was given?")
    #expect(try stranger.end() == .exited(1))
  }

  @Test("observers see the run from outside, and their invite lets them do nothing else")
  func observed() async throws {
    let undisturbed = try UndisturbedRun.shared
    let world = undisturbed.world
    let roles = try RolesByHand("observed", in: world)
    defer { roles.end() }
    let eyes = try roles.invite("eyes", as: .observer)
    let fault = Fault(.stop, "worker", "leased", after: 4, in: world)
    let learner = try roles.learner()
    let address = try #require(roles.folder.learnerAddresses).control
    _ = try roles.scorer()
    let worker = try roles.worker(fault: fault)
    try eventually("the worker stands still") { fault.hasStruck && isStopped(worker.pid) }
    let watch = try await ClusterWatch(join: address, keys: eyes, name: nil, timeout: .seconds(10))
    let seen = try await watch.cluster()
    #expect(seen.run == "observed" && seen.totalSteps == UInt32(World.steps) && seen.peers.map(\.role) == [.scorer, .worker])
    #expect(seen.step == 1 && seen.count(.trained) == World.promptsPerStep && seen.units.reduce(0, +) == 2 * World.promptsPerStep)
    let groups = try world.reader("observed").training(of: 1)?.groups
    let trained = try #require(groups?.first)
    let story = try await watch.story(of: trained.unit)
    #expect(story.state == .trained && story.step == 1)
    let words = story.events.map(\.what)
    #expect(words.count == 4, "\(words)")
    for (word, event) in zip(words, ["leased to worker-0", "generated under", "admitted: by worker-0 through scorer-0", "trained in step 1"]) {
      #expect(word.hasPrefix(event), "\(word)")
    }
    let unknown = try await watch.story(of: UnitID(epoch: 99, prompt: 0))
    #expect(unknown.state == nil && unknown.events.isEmpty)
    await watch.close()
    worker.signal(SIGCONT)
    #expect(try learner.end() == .exited(0), "\(learner.log)")
    try undisturbed.expectSame("observed")
    let late = try await ClusterWatch(join: address, keys: eyes, name: nil, timeout: .seconds(2))
    await #expect { try await late.cluster() } throws: { "\($0)".contains("nothing listens on port") }
    await late.close()
  }
}
