internal import Rollout
internal import Wire

/// What faults do to links, and to single messages on them.
extension Simulation {
  func cut(_ target: Int, _ kind: FaultKind, _ isCut: Bool, after duration: Double = 0) {
    let change = isCut ? 1 : -1
    if kind != .cutTo { processes[target].outward.cuts += change }
    if kind != .cutFrom { processes[target].inward.cuts += change }
    processes[target].cutKind = isCut ? kind : nil
    guard !isCut else { return }
    for connection in connections(of: target) {
      // The network gives a connection up that is silent for too long; otherwise what waited goes on.
      if duration > options.connectionTimeout { breakConnection(connection) } else { flush(connection) }
    }
  }

  /// Chance by chance: a copy, a changed copy, a copy much later.
  func disturb(_ letter: Letter, on index: Int, _ isForward: Bool, _ sender: Int, _ receiver: Int, _ at: UInt64) {
    let (outward, inward) = (processes[sender].outward, processes[receiver].inward)
    let epoch = connections[index].epoch
    func again(_ letter: Letter, _ seconds: Double, epoch: UInt32) {
      queue.post(
        .arrival(connection: index, isForward: isForward, epoch: epoch, letter),
        at: Instant(nanoseconds: at) + .seconds(seconds))
    }
    if processes[sender].random.chance(max(outward.breakage, inward.breakage)) {
      fire(.disconnect)
      return breakConnection(index)
    }
    if processes[sender].random.chance(max(outward.duplication, inward.duplication)) {
      fire(.duplicate)
      again(letter, processes[sender].random.uniform(0, 2), epoch: epoch)
    }
    if processes[sender].random.chance(outward.replays) {
      fire(.replay)
      again(letter, processes[sender].random.uniform(5, 40), epoch: Self.everyEpoch)
    }
    if processes[sender].random.chance(max(outward.corruption, inward.corruption)) {
      var frame = letter.frame
      for _ in 0...processes[sender].random.below(3) { mutate(&frame.header, &processes[sender].random) }
      let changed = letter.changed(to: frame)
      // Encryption lets nothing through that was changed; what a decoder makes of it must still be a clear refusal.
      if isUnreadable(changed, by: connections[index].plane, isForward) { again(changed, 0.01, epoch: epoch) }
    }
    if let payload = letter.frame.payload, processes[sender].random.chance(max(outward.chunkCorruption, inward.chunkCorruption)) {
      var bytes = payload.bytes
      bytes[processes[sender].random.below(bytes.count)] ^= 1
      let changed = letter.changed(to: Frame(letter.frame.header, Payload(bytes)))
      // It comes first, so that it is taken for the one that was asked for.
      queue.post(.arrival(connection: index, isForward: isForward, epoch: epoch, changed), at: Instant(nanoseconds: at - 1))
    }
  }
}
