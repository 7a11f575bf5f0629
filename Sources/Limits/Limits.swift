/// Every bound on what comes from outside (a file, a message, a peer), in one place and checked against one another.
///
/// What exceeds one is refused by name; nothing is clamped in silence. Sizes are bytes unless they say otherwise. What a run
/// sets for itself (group size, longest response, vocabulary) is narrower still, and admission holds every group to that.
package struct Limits: Sendable, Hashable {
  package var messages = Messages()
  package var sockets = Sockets()
  package var models = Models()
  package var images = Images()
  package var texts = Texts()

  package init() {}

  package static let standard = Limits()
}

extension Limits {
  /// What roles say to one another.
  package struct Messages: Sendable, Hashable {
    /// A message from the learner; a lease with its images is the largest.
    package var control = 40 << 20
    /// A message from a worker or a scorer to the learner on the control plane; a heartbeat that names leases is the largest.
    package var fromPeer = 64 << 10
    /// A message on the data plane: a group with its task.
    package var data = 256 << 20
    /// Nesting of a protobuf message. Unknown fields are dropped.
    package var depth = 16
    /// Responses in a group.
    package var groupSize = 256
    /// Tokens of a prompt, image tokens included.
    package var promptTokens = 65_536
    /// Tokens of a response.
    package var responseTokens = 65_536
    /// Text of a response.
    package var responseText = 4 << 20
    /// Images of a prompt.
    package var imagesPerPrompt = 16
    /// Text of a problem, its solution or a system prompt.
    package var problemText = 1 << 20
    /// A peer's name, a tensor's, a file's.
    package var name = 256
    /// Reasons that a peer gives; characters beyond are cut off, and control characters left out.
    package var reason = 1000
    /// Peers the learner will serve.
    package var peers = 16_384
    /// Leases a worker may ask for at once.
    package var credit = 64
    /// Messages that have been read off the sockets and wait for their role, and groups that wait for a scorer's engine.
    package var waiting = 1024
    /// The same, in bytes; one message may be larger.
    package var waitingBytes = 64 << 20
    /// What is told of one unit to an observer.
    package var storyEvents = 4096
    /// Policy versions that the learner keeps at once, for peers that are still fetching an older one.
    package var keptVersions = 4
    /// One chunk of a model file or of weights.
    package var chunk = 1 << 20
    /// Chunks that a peer may have asked for and not received.
    package var window = 16
    /// Weights or a model file that a peer will assemble.
    package var artifact = 64 << 30
    /// Files of a model folder that a peer will fetch.
    package var artifacts = 256
    /// Of a delta, before compression: what one step of decompression may fill.
    package var deltaBlock = 1 << 20
  }

  /// What connections may take before anybody is authenticated, and before anybody has read what came.
  package struct Sockets: Sendable, Hashable {
    /// Frames of a message: the address of a router's peer, the message, the bytes of a chunk.
    package var frames = 3
    /// Messages that libzmq holds for one connection in one direction.
    package var highWaterMark = 16
    /// Messages that wait in this process for one peer when libzmq takes no more.
    package var outgoing = 1024
    /// The same, in bytes.
    package var outgoingBytes = 48 << 20
    /// And for all peers together.
    package var outgoingTotal = 320 << 20
    /// A message to a socket that only publishes: what a subscriber asks for.
    package var subscription = 1024
    /// Connections of one bound socket.
    package var connections = 18_432
    /// Those of them that have not had their handshake.
    package var strangers = 1024
    /// What all such have sent together.
    package var strangerBytes = 32 << 20
    /// What has come over all connections of one bound socket and has not been read: on the control plane,
    package var unreadControl = 32 << 20
    /// on the data plane,
    package var unreadData = 320 << 20
    /// and what subscribers have asked for, of which libzmq keeps a node of 32 bytes a byte.
    package var unreadSubscriptions = 1 << 20
    /// Seconds: a connection that has not finished its handshake by then is cut.
    package var handshake = 5
    /// Seconds after which the operating system asks an idle connection's other end whether it is there still.
    package var keepalive = 5
    /// Seconds without any answer of its operating system after which a connection is cut.
    package var silence = 30
    /// Seconds without a word from the learner after which a peer makes its connections anew: one that something on the way has
    /// forgotten may look alive.
    package var renewal = 10
    /// Warnings of one kind that are written to the log at once; after that one a second.
    package var warnings = 20
  }

  /// Model folders.
  package struct Models: Sendable, Hashable {
    /// config.json, preprocessor_config.json and the like.
    package var configuration = 1 << 20
    package var vocabulary = 1 << 22
    /// Values in a hidden state.
    package var width = 1 << 17
    package var layers = 1 << 10
    package var heads = 1 << 10
    package var positions = 1 << 24
    /// Side of a patch.
    package var patch = 1 << 12
    /// Header of a safetensors file. The largest of public models have about 2 MB.
    package var safetensorsHeader = 16 << 20
    /// Dimensions of a tensor.
    package var tensorRank = 8
    /// tokenizer.json.
    package var tokenizer = 1 << 28
    /// Tokens and merges of a tokenizer.
    package var tokens = 1 << 20
    /// Bytes that a token stands for.
    package var tokenBytes = 1 << 12
  }

  /// Pictures, checked from the header before any memory is asked for.
  package struct Images: Sendable, Hashable {
    package var file = 32 << 20
    /// Width times height: 256 MiB while it is decoded, more than a camera's picture or a scanned page.
    package var pixels = 1 << 26
    /// Width or height.
    package var side = 1 << 15
    /// Values that a picture becomes for the model.
    package var values = 1 << 28
  }

  /// Data sets, settings, answers of programs and services.
  package struct Texts: Sendable, Hashable {
    /// A file of training rows.
    package var dataFile = 4 << 30
    /// A line of JSONL, or one element of a JSON list.
    package var row = 16 << 20
    package var imagesPerRow = 64
    package var optionsPerRow = 256
    /// Responses of a row that is only to be scored.
    package var responsesPerRow = 4096
    /// Brackets within brackets of JSON.
    package var jsonDepth = 64
    /// A settings file, a plan, a list of keys.
    package var settings = 1 << 20
    /// Keys of a settings file.
    package var settingsKeys = 4096
    /// Sections within sections.
    package var settingsDepth = 16
    /// What a served reward model answers.
    package var serviceAnswer = 1 << 20
    /// The head of a request to `sophia judge`, and its body.
    package var requestHead = 1 << 16
    package var requestBody = 1 << 26
    /// Connections to `sophia judge`.
    package var judgeConnections = 1024
    /// Connections to `sophia metrics`, and seconds in which a request to it must have come or its answer been taken.
    package var metricsConnections = 64
    package var metricsPatience = 30
    /// A line that a reward program answers, and one that it writes to its standard error.
    package var programAnswer = 64 << 10
    package var programError = 4 << 10
    /// Signs of an answer that is read as mathematics; a longer one is compared as text.
    package var mathTokens = 512
    package var mathDepth = 96
    package var mathList = 64
    /// Words of a text that ROUGE and the word error rate align.
    package var alignedWords = 4096
  }
}

extension Limits {
  /// For a run whose groups have `groupSize` responses of at most `responseTokens` tokens: no message is larger than one of them
  /// with its task. A group that has too many of either and is not larger is admission's to refuse, which says why and gives the
  /// lease to somebody else at once.
  package func narrowed(toGroupsOf groupSize: Int, responseTokens: Int) -> Limits {
    var limits = self
    limits.messages.responseText = min(responseTokens * models.tokenBytes, messages.responseText)
    // A token and its log-probability take no more than 10 and 4 bytes.
    let response = responseTokens * 14 + limits.messages.responseText + messages.name
    limits.messages.data = min(groupSize * response + messages.control, messages.data)
    limits.sockets.unreadData = min(
      max(2 * limits.messages.data, limits.messages.data + sockets.strangerBytes), sockets.unreadData)
    return limits
  }

  /// What contradicts what; empty if the limits fit together.
  package var contradictions: [String] {
    var found: [String] = []
    func require(_ holds: Bool, _ what: String) { if !holds { found.append(what) } }
    let (m, s) = (messages, sockets)
    require(m.chunk + 4096 <= m.control, "a chunk must fit into a control message")
    require(images.file + 4 * m.problemText <= m.control, "a lease with an image must fit into a control message")
    require(
      m.groupSize * m.responseTokens * 8 <= m.data, "a full group's tokens and log-probabilities must fit a data message")
    require(m.imagesPerPrompt * 4 <= m.promptTokens, "each image takes tokens of the prompt")
    require(m.chunk <= m.artifact, "an artifact holds at least a chunk")
    require(m.window >= 1, "a peer must be allowed to ask for a chunk")
    require(m.window * m.chunk <= m.data, "a window of chunks must fit what a peer holds of unread messages")
    require(m.keptVersions >= 2, "the learner must keep a version that is being fetched beside the newest")
    require(m.credit <= m.waiting, "one worker's credit must fit the queue")
    require(
      m.peers * 5 * (m.name + 8) + m.problemText <= m.control,
      "a welcome that names every peer, its key and its endpoint must fit into a control message")
    require(
      m.waiting * 24 + 4 * m.name <= m.fromPeer, "a heartbeat that names every lease must fit into a peer's message")
    require(m.reason * 4 + m.name <= m.fromPeer, "a reason must fit into a peer's message")
    require(m.control <= s.outgoingBytes, "what waits for a peer must hold the largest message")
    require(2 * s.outgoingBytes <= s.outgoingTotal, "one peer that takes nothing must leave room for another")
    require(m.fromPeer * s.highWaterMark * 16 <= s.unreadControl, "sixteen busy peers must fit what is unread")
    require(m.data + s.strangerBytes <= s.unreadData, "the largest group must fit what is unread, whatever strangers send")
    require(m.peers + s.strangers <= s.connections, "every peer must be able to connect, whatever strangers do")
    require(2 * s.keepalive <= s.silence, "a keepalive must be able to get lost")
    require(models.tokens <= models.vocabulary, "every token must be in a model's vocabulary")
    require(images.pixels <= images.side * images.side, "the side must allow the pixels")
    require(texts.row <= texts.dataFile, "a file holds at least a row")
    return found
  }

  /// What all that is sent to a learner, by peers and by strangers, can take of its memory, bytes: what is unread on its three
  /// sockets, of which small frames take twice their size; strangers; what was read and waits for the role; what was answered and
  /// is not taken. Connections of registered peers, which take some 64 KiB each, come on top.
  package var learnerHolds: Int {
    2 * (sockets.unreadControl + sockets.unreadData) + 32 * sockets.unreadSubscriptions
      + 3 * (sockets.strangers * Self.connectionBytes + sockets.strangerBytes)
      + 2 * (messages.waitingBytes + messages.data) + sockets.outgoingTotal
  }

  /// The same for a scorer, which has one bound socket and a queue of groups.
  package var scorerHolds: Int {
    2 * sockets.unreadData + sockets.strangers * Self.connectionBytes + sockets.strangerBytes
      + 2 * (messages.waitingBytes + messages.data) + queuedGroupBytes
  }

  /// Of groups that wait for a scorer's engine: several of the largest.
  package var queuedGroupBytes: Int { 4 * messages.waitingBytes }

  /// Of libzmq's and the kernel's, for one that says nothing.
  private static let connectionBytes = 64 << 10

  package struct Row: Sendable, Hashable {
    package let section: String
    package let name: String
    package let value: Int
    package let unit: String
  }

  /// The table of all of them, for `sophia doctor --limits`.
  package var table: [Row] {
    func section(_ title: String, _ rows: [(String, Int, String)]) -> [Row] {
      rows.map { Row(section: title, name: $0.0, value: $0.1, unit: $0.2) }
    }
    let (m, s, t) = (messages, sockets, texts)
    return section(
      "messages between roles",
      [
        ("from the learner", m.control, "bytes"), ("to the learner, control", m.fromPeer, "bytes"),
        ("group", m.data, "bytes"), ("nesting", m.depth, "levels"), ("responses of a group", m.groupSize, ""),
        ("prompt", m.promptTokens, "tokens"), ("response", m.responseTokens, "tokens"),
        ("text of a response", m.responseText, "bytes"), ("images of a prompt", m.imagesPerPrompt, ""),
        ("problem, solution, system prompt", m.problemText, "bytes"), ("name", m.name, "bytes"),
        ("reason", m.reason, "characters"), ("peers", m.peers, ""), ("leases of a worker", m.credit, ""),
        ("messages read that wait", m.waiting, ""), ("the same", m.waitingBytes, "bytes"), ("events of a unit's story", m.storyEvents, ""),
        ("versions kept", m.keptVersions, ""), ("chunk", m.chunk, "bytes"),
        ("chunks asked for", m.window, ""), ("weights or model file", m.artifact, "bytes"),
        ("files of a model", m.artifacts, ""), ("block of a delta, unpacked", m.deltaBlock, "bytes"),
      ])
      + section(
        "each bound socket",
        [
          ("frames of a message", s.frames, ""), ("unread messages of a connection", s.highWaterMark, ""),
          ("messages to one peer that wait", s.outgoing, ""), ("the same", s.outgoingBytes, "bytes"), ("and to all of them", s.outgoingTotal, "bytes"),
          ("subscription", s.subscription, "bytes"), ("connections", s.connections, ""),
          ("of them before their handshake", s.strangers, ""), ("sent by such", s.strangerBytes, "bytes"),
          ("unread, control", s.unreadControl, "bytes"), ("unread, groups", s.unreadData, "bytes"), ("subscriptions", s.unreadSubscriptions, "bytes"),
          ("handshake", s.handshake, "s"), ("keepalive", s.keepalive, "s"), ("silence", s.silence, "s"), ("connected anew after", s.renewal, "s"),
          ("like warnings at once", s.warnings, ""), ("all that a learner holds for peers", learnerHolds, "bytes"),
          ("all that a scorer holds", scorerHolds, "bytes"),
        ])
      + section(
        "model folders",
        [
          ("config.json and the like", models.configuration, "bytes"), ("vocabulary", models.vocabulary, "tokens"),
          ("hidden state", models.width, "values"), ("layers", models.layers, ""), ("heads", models.heads, ""),
          ("positions", models.positions, ""), ("side of a patch", models.patch, "pixels"),
          ("safetensors header", models.safetensorsHeader, "bytes"), ("dimensions of a tensor", models.tensorRank, ""),
          ("tokenizer.json", models.tokenizer, "bytes"), ("tokens and merges", models.tokens, ""),
          ("token", models.tokenBytes, "bytes"),
        ])
      + section(
        "pictures",
        [
          ("file", images.file, "bytes"), ("picture", images.pixels, "pixels"), ("side", images.side, "pixels"),
          ("picture for the model", images.values, "values"),
        ])
      + section(
        "texts",
        [
          ("file of rows", t.dataFile, "bytes"), ("row", t.row, "bytes"), ("images of a row", t.imagesPerRow, ""),
          ("options of a row", t.optionsPerRow, ""), ("responses of a row to score", t.responsesPerRow, ""),
          ("nesting of JSON", t.jsonDepth, "levels"), ("settings, plan, list of keys", t.settings, "bytes"),
          ("keys of settings", t.settingsKeys, ""), ("nesting of settings", t.settingsDepth, "levels"),
          ("answer of a served judge", t.serviceAnswer, "bytes"), ("head of a request to a judge", t.requestHead, "bytes"),
          ("body of one", t.requestBody, "bytes"), ("connections to a judge", t.judgeConnections, ""),
          ("connections to metrics", t.metricsConnections, ""), ("a request to metrics", t.metricsPatience, "s"),
          ("answer of a reward program", t.programAnswer, "bytes"), ("line of its errors", t.programError, "bytes"),
          ("mathematics of an answer", t.mathTokens, "signs"), ("its nesting", t.mathDepth, "levels"),
          ("a list in it", t.mathList, ""), ("words that are aligned", t.alignedWords, ""),
        ])
  }
}
