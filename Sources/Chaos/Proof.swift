/// Whether a fault acted, and what shows it.
struct Proof: Sendable, Hashable {
  var isFound: Bool
  var lines: [String]

  static func found(_ lines: String...) -> Proof { Proof(isFound: true, lines: lines) }
  static func missing(_ lines: String...) -> Proof { Proof(isFound: false, lines: lines) }

  /// Both must be found.
  static func + (a: Proof, b: Proof) -> Proof { Proof(isFound: a.isFound && b.isFound, lines: a.lines + b.lines) }
}
