internal import Foundation

/// The relative difference up to which two numbers that are not both exact fractions count as equal.
package let mathTolerance = 1e-9

/// Whether two answers say the same as mathematics.
///
/// Understood, plain or in LaTeX: whole numbers, decimals, separators of thousands, powers of ten, percentages, fractions,
/// mixed numbers, roots, powers, pi, e, factorials, sin, cos, tan, ln, exp, variables of one letter, `x =` in front, units,
/// `\boxed{}`, tuples, intervals, unions, sets and lists. Fractions are compared exactly, everything else to `mathTolerance`;
/// expressions with variables by their values at fixed points. A percentage equals a plain number that is either its figure
/// or its value (50% is 50 or 0.5). Two known units must agree after conversion; a unit on one side only says nothing.
/// What is not understood is compared as text without case and space.
///
/// Total and linear in the length of its arguments; no answer makes it fail.
package func equalAsMathematics(_ answer: String, _ solution: String) -> Bool {
  let (left, right) = (mathematicalPart(of: answer), mathematicalPart(of: solution))
  let (leftText, rightText) = (comparableText(left), comparableText(right))
  if leftText.isEmpty || rightText.isEmpty { return false }
  if leftText == rightText { return true }
  for grouping in [true, false] {
    if let a = MathParser.parse(left, groupingThousands: grouping),
      let b = MathParser.parse(right, groupingThousands: grouping), same(a, b)
    {
      return true
    }
    if !left.contains(","), !right.contains(",") { break }
  }
  return false
}

/// The content of the last `\boxed{}`, else the text without an introduction such as `The answer is`.
private func mathematicalPart(of text: String) -> String {
  if let boxed = lastBoxed(in: text) { return boxed }
  let emphasis = CharacterSet.whitespacesAndNewlines.union(CharacterSet(charactersIn: "*"))
  var rest = text.trimmingCharacters(in: emphasis)[...]
  for introduction in ["the final answer", "the answer", "final answer", "answer"] {
    guard rest.prefix(introduction.count).lowercased() == introduction else { continue }
    var tail = rest.dropFirst(introduction.count).drop { $0 == " " }
    if tail.prefix(2).lowercased() == "is" { tail = tail.dropFirst(2) }
    rest = tail.drop { $0 == " " || $0 == ":" || $0 == "=" }
    break
  }
  return String(rest)
}

private func lastBoxed(in text: String) -> String? {
  guard let mark = text.range(of: "\\boxed{", options: .backwards) else { return nil }
  var depth = 1
  let content = text.utf8[mark.upperBound...]
  for index in content.indices {
    if content[index] == UInt8(ascii: "{") { depth += 1 }
    if content[index] == UInt8(ascii: "}") { depth -= 1 }
    if depth == 0 { return String(text[mark.upperBound..<index]) }
  }
  return nil
}

/// Lower case, without space, dollar signs, a `\text{}` around it and a full stop at the end.
private func comparableText(_ text: String) -> String {
  var text = text
  if text.hasPrefix("\\text{"), text.hasSuffix("}") { text = String(text.dropFirst(6).dropLast()) }
  var result = ""
  for scalar in text.lowercased().unicodeScalars where !scalar.properties.isWhitespace && scalar != "$" {
    result.unicodeScalars.append(scalar)
  }
  if result.hasSuffix(".") { result.removeLast() }
  return result
}

private func same(_ a: MathTree, _ b: MathTree) -> Bool {
  switch (a, b) {
  case (.list(let left, let xs), .list(let right, let ys)):
    guard left == right, xs.count == ys.count else { return false }
    if left == .unordered { return sameUnordered(xs, ys) }
    return zip(xs, ys).allSatisfy(same)
  case (.list, _), (_, .list): return false
  case (.infinity, .infinity): return true
  case (.negation(.infinity), .negation(.infinity)): return true
  default: return sameScalar(a, b)
  }
}

/// Whether each element of one has a partner of its own in the other.
private func sameUnordered(_ xs: [MathTree], _ ys: [MathTree]) -> Bool {
  var left = ys
  for x in xs {
    guard let index = left.firstIndex(where: { same(x, $0) }) else { return false }
    left.remove(at: index)
  }
  return true
}

private func sameScalar(_ a: MathTree, _ b: MathTree) -> Bool {
  var (a, b) = (a, b)
  if case .measured(let left, let leftUnit) = a {
    if case .measured(let right, let rightUnit) = b {
      if leftUnit.isKnown, rightUnit.isKnown {
        guard leftUnit.dimensions == rightUnit.dimensions else { return false }
        return sameValue(.product(left, .number(leftUnit.factor)), .product(right, .number(rightUnit.factor)))
      }
      b = right
    }
    a = left
  } else if case .measured(let right, _) = b {
    b = right
  }
  switch (a, b) {
  case (.percent(let left), .percent(let right)): return sameValue(left, right)
  case (.percent(let share), let plain), (let plain, .percent(let share)):
    return sameValue(share, plain) || sameValue(.quotient(share, .number(.fraction(100, 1))), plain)
  default: return sameValue(a, b)
  }
}

/// Where variables are tried: apart from one another, positive, and nowhere that formulas are made for.
private func trial(_ round: Int) -> (Unicode.Scalar) -> Double {
  { name in 1.1 + 0.7 * Double(round) + Double((Int(name.value) * 7919 + round * 104_729) % 1009) / 617 }
}

private func sameValue(_ a: MathTree, _ b: MathTree) -> Bool {
  guard a.hasVariable || b.hasVariable else { return equal(a.value { _ in 0 }, b.value { _ in 0 }) }
  return (0..<3).allSatisfy { equal(a.value(trial($0)), b.value(trial($0))) }
}

private func equal(_ a: ExactNumber?, _ b: ExactNumber?) -> Bool {
  guard let a, let b else { return false }
  if case .fraction = a, case .fraction = b { return a == b }
  let (x, y) = (a.double, b.double)
  return abs(x - y) <= mathTolerance * max(abs(x), abs(y)) || abs(x - y) <= 1e-12
}
