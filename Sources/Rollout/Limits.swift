/// Every bound of the system, in one place and checked against one another.
///
/// Anything from outside (a file, a flag, a message, a peer) that exceeds one is refused by name; nothing is clamped in
/// silence. Sizes are bytes unless they say otherwise.
package struct Limits: Sendable, Hashable {
  /// Responses in a group.
  package var groupSize = 256
  /// Tokens of a prompt, image tokens included.
  package var promptTokens = 65_536
  /// Tokens of a response.
  package var responseTokens = 65_536
  /// Images of a prompt.
  package var imagesPerPrompt = 16
  /// One image file.
  package var imageFile = 32 << 20
  /// Text of a problem or a system prompt.
  package var problemText = 1 << 20
  /// A message on the control plane; a lease with its images is the largest.
  package var controlMessage = 40 << 20
  /// One chunk of a model file or of weights.
  package var chunk = 1 << 20
  /// Chunks that a peer may have asked for and not received.
  package var window = 16
  /// Policy versions that the learner keeps at once, for peers that are still fetching an older one.
  package var keptVersions = 4
  /// A message on the data plane: a group with its task.
  package var dataMessage = 256 << 20
  /// Weights or a model file that a peer will assemble.
  package var artifact = 64 << 30
  /// Files of a model folder that a peer will fetch.
  package var artifacts = 256
  /// Dimensions of a tensor.
  package var tensorRank = 8
  /// Groups that a scorer or the learner holds before it stops reading.
  package var queuedGroups = 1024
  /// Leases a worker may ask for at once.
  package var credit = 64
  /// Peers the learner will serve.
  package var peers = 16_384
  /// Nesting of a protobuf message.
  package var messageDepth = 16
  /// Characters of a name: peer, tensor, file.
  package var name = 256

  package init() {}

  package static let standard = Limits()

  /// What contradicts what; empty if the limits fit together.
  package var contradictions: [String] {
    var found: [String] = []
    func require(_ holds: Bool, _ what: String) { if !holds { found.append(what) } }
    require(chunk + 4096 <= controlMessage, "a chunk must fit into a control message")
    require(imageFile + 4 * problemText <= controlMessage, "a lease with an image must fit into a control message")
    require(
      groupSize * responseTokens * 8 <= dataMessage, "a full group's tokens and log-probabilities must fit a data message")
    require(imagesPerPrompt * 4 <= promptTokens, "each image takes tokens of the prompt")
    require(chunk <= artifact, "an artifact holds at least a chunk")
    require(window >= 1, "a peer must be allowed to ask for a chunk")
    require(window * chunk <= dataMessage, "a window of chunks must fit what a peer holds of unread messages")
    require(keptVersions >= 2, "the learner must keep a version that is being fetched beside the newest")
    require(credit <= queuedGroups, "one worker's credit must fit the queue")
    require(
      peers * 5 * (name + 8) + problemText <= controlMessage,
      "a welcome that names every peer, its key and its endpoint must fit into a control message")
    return found
  }

  /// The table of the limits, for `sophia doctor`.
  package var table: [(name: String, value: Int, unit: String)] {
    [
      ("group size", groupSize, "responses"), ("prompt", promptTokens, "tokens"),
      ("response", responseTokens, "tokens"), ("images in a prompt", imagesPerPrompt, "images"),
      ("image file", imageFile, "bytes"), ("problem text", problemText, "bytes"),
      ("control message", controlMessage, "bytes"), ("chunk", chunk, "bytes"),
      ("window", window, "chunks"), ("kept versions", keptVersions, "versions"),
      ("data message", dataMessage, "bytes"), ("artifact", artifact, "bytes"), ("artifacts", artifacts, "files"),
      ("tensor rank", tensorRank, "dimensions"), ("queued groups", queuedGroups, "groups"),
      ("credit", credit, "leases"), ("peers", peers, "peers"), ("message depth", messageDepth, "levels"),
      ("name", name, "characters"),
    ]
  }
}
