internal import Glibc
internal import RewardProgram
internal import Runs
internal import ZeroMQ

extension FuzzTarget {
  static let peers: [FuzzTarget] = [
    FuzzTarget("public-key", maximumLength: 64, run: publicKey),
    FuzzTarget("allowed-keys", maximumLength: 256, dictionary: "keys", run: allowedKeys),
    FuzzTarget("program-answer", maximumLength: 256, dictionary: "program", run: programAnswer),
  ]

  @Sendable
  private static func publicKey(_ bytes: [UInt8]) -> Bool {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let key = PublicKey(z85: text) else { return false }
    require(key.bytes.count == 32 && key.z85 == text, "\(text) is taken for \(key.z85)")
    require(PublicKey(bytes: key.bytes) == key, "\(text) has the bytes of another key")
    return true
  }

  /// In memory: a disk would set the pace.
  private static let keys: RunKeys = {
    let folder = "/dev/shm/allowed-keys-\(getpid())"
    mkdir(folder, 0o700)
    atexit {
      unlink("\(FuzzTarget.keys.folder)/allowed")
      rmdir(FuzzTarget.keys.folder)
    }
    return RunKeys(folder: folder)
  }()

  @Sendable
  private static func allowedKeys(_ bytes: [UInt8]) -> Bool {
    let file = open("\(keys.folder)/allowed", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    require(write(file, bytes, bytes.count) == bytes.count, "there is no memory for a file")
    close(file)
    guard let peers = try? keys.allowed() else { return false }
    for peer in peers {
      require(PublicKey(z85: peer.publicKey) != nil && peer.role != .learner, "\(peer) is allowed")
      require(!peer.name.isEmpty && !peer.name.contains("\n") && !peer.name.contains(" "), "\(peer) has no name")
    }
    return !peers.isEmpty
  }

  @Sendable
  private static func programAnswer(_ bytes: [UInt8]) -> Bool {
    guard let answer = try? RewardAnswer(bytes), case .success(let reward) = answer.reward else { return false }
    require(reward >= 0 && reward <= 1, "the reward is \(reward)")
    return true
  }
}
