package import TrustGRPO

/// Everything a run is determined by. Written to the run folder as JSON, in which form it can be given to `sophia train`
/// and `sophia learner` again, and sent to peers with the welcome.
package struct RunSettings: Sendable, Codable, Equatable {
  package var model = Model()
  package var data = Data()
  package var rollout = Rollout()
  package var algorithm = TrustGRPOSettings()
  package var optimizer = Optimizer()
  package var rewards = Rewards()
  package var thinking = Thinking()
  package var run = Run()
  package var cluster = Cluster()

  package init() {}

  package struct Model: Sendable, Codable, Equatable {
    /// The policy's folder in Hugging Face layout.
    package var folder = ""
    package var dtype = "fp32"
    package var device = "cpu"
    package var freezeVisionTower = false
    /// Layers are worked out again in the backward pass in place of being kept.
    package var gradientCheckpointing = false
    package var lora = Lora()

    package init() {}

    /// Low-rank adapters that are trained in place of the weights.
    package struct Lora: Sendable, Codable, Equatable {
      /// 0: none; the weights are trained.
      package var rank = 0
      /// What the adapters add is multiplied by alpha / rank.
      package var alpha = 16.0
      /// Projections of every decoder layer.
      package var targets = allTargets
      package static let allTargets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

      package init() {}
    }
  }

  package struct Data: Sendable, Codable, Equatable {
    package var trainFiles: [String] = []
    package var heldOutFiles: [String] = []
    package var promptKey = "problem"
    package var answerKey = "solution"
    /// The image's key; nil takes `path` or `paths`.
    package var imageKey: String?
    package var shuffle = true
    package var minPixels: Int?
    package var maxPixels: Int?
    package var systemPrompt: String?
    /// Tokens; a longer prompt is refused by row.
    package var maximumPromptTokens = 2048

    package init() {}
  }

  package struct Rollout: Sendable, Codable, Equatable {
    /// Responses to one prompt, N of equation 6.
    package var groupSize = 8
    package var promptsPerStep = 16
    package var maximumResponseTokens = 1024
    package var temperature = 1.0
    package var topP = 1.0
    /// 0: all tokens.
    package var topK = 0
    /// Versions that a sample may lag behind what it is trained on.
    package var staleness = 0
    /// MiB of keys and values that a worker, or an evaluation, keeps while it decodes.
    package var cacheMegabytes = 1024

    package var cacheBytes: Int { cacheMegabytes << 20 }

    package init() {}
  }

  package struct Optimizer: Sendable, Codable, Equatable {
    package var learningRate = 5e-7
    package var weightDecay = 0.01
    package var beta1 = 0.9
    package var beta2 = 0.999
    package var epsilon = 1e-8
    package var maximumGradientNorm = 1.0
    package var warmupSteps = 0
    /// Responses per update; nil: all of a step's in one.
    package var globalBatchSize: Int?
    /// Groups in memory at once; their gradients add up to the batch's.
    package var microBatchGroups = 16
    /// Weights in bf16 are those of fp32 copies, rounded after each step.
    package var masterWeights = false
    /// Tokens of prompts and responses in memory at once; nil: no other bound than groups.
    package var microBatchTokens: Int?

    package init() {}
  }

  /// What grades answers in place of the rules.
  package struct Rewards: Sendable, Codable, Equatable {
    /// A program and its arguments, on the scorers' machines; empty: the rules.
    package var program: [String] = []
    /// For all answers of a group.
    package var timeoutSeconds = 60.0
    /// Of each of the program's processes; nil: no limit.
    package var memoryMegabytes: Int?
    /// In ten minutes.
    package var restarts = 5

    package init() {}
  }

  package struct Thinking: Sendable, Codable, Equatable {
    package enum Kind: String, Sendable, Codable, Equatable, CaseIterable { case none, local, served }
    /// How a local model's score is read.
    package enum Reading: String, Sendable, Codable, Equatable, CaseIterable {
      /// The mean over the digits that it could answer with.
      case expectation
      /// The tenth that it would write.
      case generated
    }
    /// What becomes of groups when a served model has been down for longer than `waitSeconds`.
    package enum WhenDown: String, Sendable, Codable, Equatable, CaseIterable {
      /// They are issued again, and set aside after `cluster.maximumAttempts`.
      case decline
      /// They go on with outcome rewards alone, gamma 0.
      case outcomeOnly = "outcome-only"
      case stop
    }
    package var kind = Kind.none
    /// The local model's folder.
    package var folder = ""
    package var reading = Reading.expectation
    /// The served model's chat endpoint, `http://HOST:PORT/v1`.
    package var url = ""
    /// Its name there.
    package var model = ""
    /// The variable of the scorers' environment that holds the key, if there is one.
    package var keyVariable = "SOPHIA_JUDGE_KEY"
    /// Requests of one scorer at once.
    package var concurrency = 8
    /// Tokens of an answer.
    package var answerTokens = 512
    /// From sending a request to the last byte of its answer.
    package var requestSeconds = 45.0
    /// How long a service that is down is waited for.
    package var waitSeconds = 45.0
    package var whenDown = WhenDown.decline
    /// Of a lease, which a group may take to be judged.
    package static let shareOfLease = 0.75

    package init() {}
  }

  package struct Run: Sendable, Codable, Equatable {
    package var folder = "runs/train"
    package var seed: UInt64 = 0
    /// T of equation 5.
    package var steps = 100
    /// Passes over the training rows; `resolve(trainingRows:)` turns them into `steps`. nil: `steps` as it is.
    package var epochs: Int?
    /// Steps between checkpoints; one is made at the end in any case.
    package var checkpointEvery = 20
    /// Checkpoints kept besides the best by held-out accuracy.
    package var keepCheckpoints = 2
    /// Whether groups are kept for good; otherwise until no checkpoint needs them.
    package var keepGroups = true
    /// Steps between evaluations on the held-out rows; 0: only before and after.
    package var evaluateEvery = 20
    /// Held-out rows evaluated; 0: all.
    package var evaluateRows = 0

    package init() {}
  }

  package struct Cluster: Sendable, Codable, Equatable {
    /// Processes that `sophia train` starts on this machine.
    package var workers = 2
    package var scorers = 1
    package var learnerThreads = 2
    package var workerThreads = 1
    package var scorerThreads = 1
    /// Groups that a worker generates at once.
    package var credit = 2
    package var leaseSeconds = 120.0
    package var heartbeatSeconds = 0.5
    /// Silence after which a peer is taken for dead.
    package var peerTimeoutSeconds = 5.0
    package var maximumAttempts = 5
    /// A lease that takes this many times as long as others is issued to a second worker too; 0: never.
    package var hedgeAfter = 4.0
    /// Time without progress after which the learner says whom it waits for.
    package var stallWarningSeconds = 30.0
    /// Time without progress after which the run ends; 0: never.
    package var stallLimitSeconds = 0.0
    /// Where the learner listens; port 0: any free one.
    package var bind = "tcp://127.0.0.1:0"

    package init() {}
  }
}
