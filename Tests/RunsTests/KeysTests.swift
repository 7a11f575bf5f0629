import DurableFiles
import Foundation
import Rollout
import Runs
import Testing
import ZeroMQ

/// The keys of a folder, through the command.
final class KeysTests {
  private let folder: String
  private var keys: String { "\(folder)/keys" }

  init() throws {
    folder = NSTemporaryDirectory() + "sophia-\(UUID().uuidString)"
    try DurableFiles.createFolder(folder)
  }

  deinit { try? DurableFiles.remove(folder) }

  private func sophia(_ arguments: String...) throws -> (status: Int32, output: String, errors: String) {
    let process = Process()
    process.executableURL = World.program
    process.arguments = ["keys"] + arguments + (arguments.contains("--keys") ? [] : ["--keys", keys])
    let files = ["out", "err"].map { "\(folder)/\(UUID().uuidString).\($0)" }
    for file in files { try DurableFiles.write("", to: file) }
    process.standardOutput = FileHandle(forWritingAtPath: files[0])
    process.standardError = FileHandle(forWritingAtPath: files[1])
    try process.run()
    try eventually("sophia keys ends") { !process.isRunning }
    let texts = try files.map { String(decoding: try DurableFiles.read($0), as: UTF8.self) }
    return (process.terminationStatus, texts[0], texts[1])
  }

  private func mode(_ path: String) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber).intValue
  }

  @Test func aPairIsForItsOwnerAndOnlyItsPublicHalfIsShown() throws {
    let made = try sophia("new", "worker-0")
    #expect(made.status == 0, "\(made.errors)")
    #expect(try mode("\(keys)/worker-0") == 0o600)
    #expect(try mode(keys) == 0o700)
    let pair = try KeyPair(file: "\(keys)/worker-0")
    #expect(made.output.contains(pair.publicKey.fingerprint))
    #expect(try PublicKey(file: "\(keys)/worker-0.pub") == pair.publicKey)
    let secret = String(decoding: try DurableFiles.read("\(keys)/worker-0"), as: UTF8.self).prefix(40)
    for command in [["list"], ["allow", "worker-0", "--role", "worker"], ["rotate", "worker-0"], ["list"]] {
      let said = try command.count == 1 ? sophia("list") : command.count == 2 ? sophia(command[0], command[1]) : sophia(command[0], command[1], command[2], command[3])
      #expect(said.status == 0, "\(said.errors)")
      #expect(!said.output.contains(secret) && !said.errors.contains(secret))
    }
    let again = try sophia("new", "worker-0")
    #expect(again.status == 1 && again.errors.contains("there is a key in \(keys)/worker-0 already"))
  }

  @Test func theListSaysWhoMayDoWhat() throws {
    let elsewhere = "\(folder)/elsewhere"
    #expect(try sophia("new", "learner").status == 0)
    #expect(try sophia("new", "scorer-gpu2", "--keys", elsewhere).status == 0)
    #expect(try sophia("new", "worker-0", "--keys", elsewhere).status == 0)
    #expect(try sophia("allow", "scorer-gpu2", "--role", "scorer", "--from", "\(elsewhere)/scorer-gpu2.pub").status == 0)
    #expect(try sophia("allow", "worker-0", "--role", "worker", "--from", "\(elsewhere)/worker-0.pub").status == 0)
    let scorer = try PublicKey(file: "\(elsewhere)/scorer-gpu2.pub")
    let worker = try PublicKey(file: "\(elsewhere)/worker-0.pub")
    let expected = [
      AllowedPeer(name: "scorer-gpu2", role: .scorer, publicKey: scorer.z85),
      AllowedPeer(name: "worker-0", role: .worker, publicKey: worker.z85),
    ]
    #expect(try RunKeys(folder: keys).allowed() == expected)
    let lines = try sophia("list").output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    #expect(lines.count == 3)
    #expect(lines[0].hasPrefix("learner learner ") && lines[0].hasSuffix(" pair"))
    #expect(lines[1] == "scorer-gpu2 scorer \(scorer.fingerprint) public half")
    #expect(lines[2] == "worker-0 worker \(worker.fingerprint) public half")

    // One key, one name; one name, one key.
    let twice = try sophia("allow", "worker-1", "--role", "worker", "--from", "\(elsewhere)/worker-0.pub")
    #expect(twice.status == 1 && twice.errors.contains("is registered as worker-0"))
    #expect(try sophia("rotate", "worker-0", "--keys", elsewhere).status == 0)
    #expect(try RunKeys(folder: keys).allowed() == expected)
    #expect(try sophia("allow", "worker-0", "--role", "scorer", "--from", "\(elsewhere)/worker-0.pub").status == 0)
    let rotated = try PublicKey(file: "\(elsewhere)/worker-0.pub")
    #expect(rotated != worker)
    #expect(
      try RunKeys(folder: keys).allowed() == [expected[0], AllowedPeer(name: "worker-0", role: .scorer, publicKey: rotated.z85)])

    let revoked = try sophia("revoke", "scorer-gpu2")
    #expect(revoked.status == 0 && revoked.output.contains(scorer.fingerprint))
    #expect(try RunKeys(folder: keys).allowed().map(\.name) == ["worker-0"])
    let unknown = try sophia("revoke", "scorer-gpu2")
    #expect(unknown.status == 1 && unknown.errors.contains("there are worker-0"))
  }

  @Test func aPairThatIsOnTheListIsRotatedThere() throws {
    #expect(try sophia("new", "worker-0").status == 0)
    #expect(try sophia("allow", "worker-0", "--role", "worker").status == 0)
    let old = try KeyPair(file: "\(keys)/worker-0").publicKey
    let said = try sophia("rotate", "worker-0")
    let new = try KeyPair(file: "\(keys)/worker-0").publicKey
    #expect(said.output.contains("\(old.fingerprint) -> \(new.fingerprint)") && old != new)
    #expect(try RunKeys(folder: keys).allowed() == [AllowedPeer(name: "worker-0", role: .worker, publicKey: new.z85)])
    #expect(try PublicKey(file: "\(keys)/worker-0.pub") == new)
    #expect(try mode("\(keys)/worker-0") == 0o600)
    #expect(try sophia("rotate", "worker-9").status == 1)
  }

  @Test(arguments: ["../evil", "a/b", ".hidden", "-x", "", "allowed", "x.pub", "x.new", "new line", "ü", String(repeating: "a", count: 65)])
  func aNameThatCouldLeaveTheFolderIsRefused(_ name: String) throws {
    let outcome = try sophia("new", "--keys", keys, "--", name)
    #expect(outcome.status == 1 && outcome.errors.contains("is no name for a key"), "\(outcome)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).allSatisfy { $0 == "keys" || $0.hasSuffix(".out") || $0.hasSuffix(".err") })
    let keys = RunKeys(folder: keys)
    let key = try KeyPair.generate().publicKey
    #expect(throws: KeysError.self) { try keys.allow(name, as: .worker, key) }
    #expect(throws: KeysError.self) { try keys.rotate(name) }
  }

  @Test func whatIsNoKeyOrNoRoleIsRefusedByName() throws {
    try DurableFiles.write("hello\n", to: "\(folder)/no.pub")
    let noKey = try sophia("allow", "worker-0", "--role", "worker", "--from", "\(folder)/no.pub")
    #expect(noKey.status == 1 && noKey.errors.contains("no.pub"))
    #expect(try sophia("allow", "worker-0", "--role", "learner", "--from", "\(folder)/no.pub").status == 64)
    #expect(try sophia("new", "learner").status == 0)
    let learner = try sophia("allow", "learner", "--role", "worker")
    #expect(learner.status == 1 && learner.errors.contains("the learner's own key"))
    let none = try sophia("list", "--keys", "\(folder)/none")
    #expect(none.status == 0 && none.output.contains("no keys in"))
  }

  @Test func theListMayHaveTheLineEndsOfAnotherSystem() throws {
    let keys = RunKeys(folder: keys)
    let key = try KeyPair.generate().publicKey.z85
    try FileManager.default.createDirectory(atPath: keys.folder, withIntermediateDirectories: true)
    let lines = ["worker-0 worker \(key)", "scorer-0 scorer \(key)"]
    try DurableFiles.write(lines.joined(separator: "\r\n") + "\r\n", to: "\(keys.folder)/allowed")
    #expect(try keys.allowed().map(\.name) == ["worker-0", "scorer-0"])
    try DurableFiles.write("wo\r\ner-1 worker \(key)\n", to: "\(keys.folder)/allowed")
    #expect(throws: (any Error).self) { try keys.allowed() }
  }

  @Test("without keys nothing listens, on loopback or elsewhere, and the error says how to make them", arguments: ["127.0.0.1", "0.0.0.0"])
  func nothingWithoutKeys(host: String) throws {
    let undisturbed = try UndisturbedRun.shared
    let world = undisturbed.world
    let settings = try world.settings(of: "keyless-\(host)", workers: 0, UndisturbedRun.overrides)
    let learner = try world.sophia(["learner"] + settings + ["--bind", "tcp://\(host):0", "--keys", keys], log: "keyless")
    #expect(learner.status == RunExit.misconfigured && learner.errors.contains("sophia keys new learner --keys \(keys)"), "\(learner.errors)")
    let scorer = try world.sophia(
      ["scorer", "--join", "tcp://127.0.0.1:1", "--keys", keys, "--name", "scorer-0", "--bind", "tcp://\(host):0"], log: "keyless")
    #expect(scorer.status == RunExit.misconfigured && scorer.errors.contains("sophia keys invite NAME --role scorer"), "\(scorer.errors)")
  }

  @Test func commandsAtOnceDoNotUndoOneAnother() async throws {
    let keys = RunKeys(folder: keys)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<16 {
        group.addTask { try keys.allow("worker-\(number)", as: .worker, KeyPair.generate().publicKey) }
      }
      try await group.waitForAll()
    }
    #expect(try Set(keys.allowed().map(\.name)) == Set((0..<16).map { "worker-\($0)" }))
  }
}

/// The list of keys changes while the run goes on.
@Suite(.serialized) struct RevocationTests {
  @Test("a worker whose key is revoked is shut out at once, another is let in, and the run ends on the same bits")
  func revokedAndAllowed() throws {
    let undisturbed = try UndisturbedRun.shared
    let world = undisturbed.world
    // Nothing but the revocation ends leases here.
    let roles = try RolesByHand(
      "revoked", in: world, overrides: ["cluster.leaseSeconds=600", "cluster.peerTimeoutSeconds=300", "cluster.hedgeAfter=0"])
    defer { roles.end() }
    let fault = Fault(.stop, "worker", "generating", after: 3, in: world)
    let learner = try roles.learner()
    let scorer = try roles.scorer()
    let revoked = try roles.worker(0, credit: 3, fault: fault)
    try eventually("the worker stops with leases in its hands") { fault.hasStruck && isStopped(revoked.pid) }
    _ = try roles.keys.revoke("worker-0")
    try learner.waitToSay("worker-0 may no longer join")
    try eventually("its leases are ended") { try endings(in: roles.folder.store).contains { $0.contains("worker-0 may no longer join") } }
    // It goes on, on the connections that it has, and nobody listens.
    revoked.signal(SIGCONT)
    let admitted = try endings(in: roles.folder.store).count { $0 == "admitted" }
    usleep(1_500_000)
    #expect(try endings(in: roles.folder.store).count { $0 == "admitted" } == admitted)
    #expect(revoked.isRunning && learner.isRunning && scorer.isRunning)

    _ = try roles.keys.new("late")
    try roles.keys.allow("late", as: .worker, roles.keys.publicKey(of: "late"))
    try learner.waitToSay("late may join")
    let late = try roles.worker(named: "late")
    #expect(try learner.end() == .exited(0), "\(learner.log)")
    #expect(try late.end() == .exited(0), "\(late.log)")
    try undisturbed.expectSame("revoked")
  }

  @Test("a list that cannot be read changes nothing")
  func brokenList() throws {
    let undisturbed = try UndisturbedRun.shared
    let roles = try RolesByHand("broken-list", in: undisturbed.world, overrides: [])
    defer { roles.end() }
    let learner = try roles.learner()
    try DurableFiles.write("worker-0 worker\n", to: "\(roles.keys.folder)/allowed")
    try learner.waitToSay("the list of keys stays as it was")
    _ = try roles.scorer()
    _ = try roles.worker()
    #expect(try learner.end() == .exited(0), "\(learner.log)")
    try undisturbed.expectSame("broken-list")
  }
}
