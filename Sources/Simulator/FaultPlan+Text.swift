/// A plan as one word a fault, so that a command line can carry it: `kill:worker-3@12.5+4*0.7` is a kill of worker-3
/// after 12.5 virtual seconds, for 4, of strength 0.7; `+always` means that it stays
/// so when the other faults are over.
extension PlannedFault: CustomStringConvertible {
  package var description: String {
    "\(kind.rawValue):\(target)@\(Self.number(at))"
      + (duration == 0 ? "" : isForGood ? "+always" : "+\(Self.number(duration))") + (strength == 1 ? "" : "*\(Self.number(strength))")
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e9 ? String(Int(value)) : String(value)
  }

  /// - Returns: nil if `text` is no such word.
  package init?(_ text: some StringProtocol) {
    guard let colon = text.firstIndex(of: ":"), let at = text.lastIndex(of: "@"), colon < at,
      let kind = FaultKind(rawValue: String(text[..<colon]))
    else { return nil }
    let target = String(text[text.index(after: colon)..<at])
    var numbers = text[text.index(after: at)...]
    var strength = 1.0
    var duration = 0.0
    if let star = numbers.firstIndex(of: "*") {
      guard let value = Double(numbers[numbers.index(after: star)...]) else { return nil }
      strength = value
      numbers = numbers[..<star]
    }
    if let plus = numbers.firstIndex(of: "+") {
      let text = numbers[numbers.index(after: plus)...]
      guard let value = text == "always" ? Self.forGood : Double(text) else { return nil }
      duration = value
      numbers = numbers[..<plus]
    }
    guard let time = Double(numbers), !target.isEmpty, (0...1e6).contains(time), (0...1e6).contains(duration),
      strength > 0, strength <= 1
    else { return nil }
    self.init(kind, target, at: time, duration: duration, strength: strength)
  }
}

extension [PlannedFault] {
  /// The plan as the command line takes it.
  package var text: String { map(\.description).joined(separator: ",") }
}
