import DurableFiles
import Rollout
import TrustGRPO

@testable import Cluster

/// A whole run inside this process: the real services over the in-memory transport, with engines that only hash.
final class InMemoryRun: Sendable {
  let hub = InMemoryHub()
  let trainer: FakeTrainer
  let journal: MemoryJournal
  private let folder: String
  private let catalogue: FakeCatalogue
  private let learner: LearnerService

  init(
    folder: String, journal: MemoryJournal = MemoryJournal(), trainer: FakeTrainer = FakeTrainer(),
    catalogue: FakeCatalogue = FakeCatalogue()
  ) throws {
    (self.folder, self.journal, self.trainer, self.catalogue) = (folder, journal, trainer, catalogue)
    let config = Array("{\"model_type\": \"test\"}".utf8)
    try DurableFiles.write(config, to: "\(folder)/config.json")
    let artifact = Artifact(
      path: "policy/config.json", byteCount: config.count, digest: SHA256Digest(of: config))
    learner = LearnerService(
      offer: LearnerOffer(
        run: "test", heartbeat: .milliseconds(50), settings: "{\"n\": 2}", trustGRPO: TrustGRPOSettings(),
        artifacts: [(artifact, "\(folder)/config.json")], groupSize: 2, responseTokens: 8),
      transport: hub.learner(), trainer: trainer, catalogue: catalogue, journal: journal,
      log: { _, _ in })
  }

  /// - Parameter maximumAttempts: many, so that a starved test machine dead-letters nothing.
  func runLearner(
    steps: UInt32 = 4, leaseDuration: Duration = .seconds(20), maximumAttempts: UInt32 = 20
  ) async throws -> RunEnd {
    let settings = LearnerSettings(
      totalSteps: steps, promptsPerStep: 3,
      admission: AdmissionRules(groupSize: 2, maximumResponseTokens: 8, vocabularySize: 256, staleness: 0),
      leaseDuration: leaseDuration, heartbeat: .milliseconds(50), peerTimeout: .seconds(2),
      maximumAttempts: maximumAttempts, checkpointEvery: 2, keepCheckpoints: 2, keepsGroups: true, hedgeAfter: nil,
      shutdownGrace: .seconds(2), stallAfter: .seconds(5), endAfterStall: nil)
    return try await learner.run(
      settings: settings, schedule: Schedule(rows: 5, seed: 1, shuffled: true), recovered: .new,
      manifest: trainer.manifest)
  }

  func stop() {
    learner.stop(reason: "Ctrl-C")
  }

  func worker(_ name: String, _ generator: FakeGenerator = FakeGenerator()) -> (WorkerService, Hello) {
    let transport = hub.peer(name, .worker)
    let service = WorkerService(
      transport: transport, generator: generator, files: ArtifactCache(root: "\(folder)/\(name)"), log: { _, _ in })
    return (service, Hello(role: .worker, host: "here", processID: 1))
  }

  func runWorker(_ name: String, _ generator: FakeGenerator = FakeGenerator()) async -> RunEnd {
    let (service, hello) = worker(name, generator)
    return await service.run(hello: hello, settings: Self.workerSettings, seed: 1)
  }

  func runScorer(_ name: String = "s") async -> RunEnd {
    let transport = hub.peer(name, .scorer)
    let service = ScorerService(
      transport: transport, scorer: FakeScorer(), files: ArtifactCache(root: "\(folder)/\(name)"), log: { _, _ in })
    let hello = Hello(
      role: .scorer, host: "here", processID: 1, endpoint: transport.endpoint, publicKey: transport.publicKey)
    return await service.run(hello: hello, settings: .init(link: Self.link, queueLimit: 16), seed: 2)
  }

  private static let link = LearnerLink.Settings(silence: .seconds(1), giveUpAfter: .seconds(20))
  static let workerSettings = WorkerRole.Settings(
    link: link, credit: 2, grace: .seconds(2), transfer: TransferSettings(patience: .milliseconds(150)))
}
