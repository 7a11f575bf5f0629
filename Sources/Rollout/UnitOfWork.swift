/// A unit of work: one prompt in one epoch of one run. It is trained at most once.
package struct UnitID: Sendable, Hashable, Codable, CustomStringConvertible {
  package let epoch: UInt32
  /// Index of the row in the training data.
  package let prompt: UInt32

  package init(epoch: UInt32, prompt: UInt32) {
    self.epoch = epoch
    self.prompt = prompt
  }

  /// One number takes half as long to hash as two.
  package func hash(into hasher: inout Hasher) {
    hasher.combine(UInt64(epoch) << 32 | UInt64(prompt))
  }

  package var description: String { "\(epoch)/\(prompt)" }
}

/// Where a unit of work stands. Each unit is in exactly one state; the number issued is the sum over all states, always.
package enum UnitState: String, Sendable, Hashable, CaseIterable, Codable {
  case queued, leased, generated, scored, admitted, trained, deadLettered = "dead-lettered"
}

/// Identifies one issue of a unit to a worker. Numbers are never used twice in a run: an incarnation of the learner
/// counts from 1, and the incarnation itself only grows.
package struct LeaseID: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  package let incarnation: UInt32
  package let number: UInt64

  package init(incarnation: UInt32, number: UInt64) {
    self.incarnation = incarnation
    self.number = number
  }

  package static func < (left: Self, right: Self) -> Bool {
    (left.incarnation, left.number) < (right.incarnation, right.number)
  }

  /// Two leases of one number, from different incarnations, are told apart by comparing them.
  package func hash(into hasher: inout Hasher) {
    hasher.combine(number)
  }

  package var description: String { "\(incarnation).\(number)" }
}

/// The order in which units are trained: epoch after epoch, each in its own permutation of the rows. It depends on the
/// seed alone, so in synchronous mode the batch of every step is known before the run starts.
package struct Schedule: Sendable {
  package let rows: Int
  package let seed: UInt64
  package let shuffled: Bool
  private var epoch: UInt32 = 0
  private var order: [UInt32]

  /// - Parameter rows: number of training rows, at least 1.
  package init(rows: Int, seed: UInt64, shuffled: Bool) {
    precondition(rows > 0, "a schedule needs rows")
    self.rows = rows
    self.seed = seed
    self.shuffled = shuffled
    order = Self.order(rows: rows, seed: seed, shuffled: shuffled, epoch: 0)
  }

  /// The unit at `position`, counted from 0 at the start of the run.
  package mutating func unit(at position: Int) -> UnitID {
    let wanted = UInt32(position / rows)
    if wanted != epoch {
      epoch = wanted
      order = Self.order(rows: rows, seed: seed, shuffled: shuffled, epoch: wanted)
    }
    return UnitID(epoch: wanted, prompt: order[position % rows])
  }

  private static func order(rows: Int, seed: UInt64, shuffled: Bool, epoch: UInt32) -> [UInt32] {
    shuffled ? shuffledOrder(count: rows, seed: seed, epoch: epoch) : (0..<UInt32(rows)).map { $0 }
  }
}
