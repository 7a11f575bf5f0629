/// The relative difference up to which two numbers count as equal where one of them is no exact fraction, or is a decimal and
/// the other a fraction that decimals only come near to.
package let mathTolerance = 1e-9

/// Whether two answers say the same as mathematics.
///
/// Understood, plain or in LaTeX: whole numbers, decimals, separators of thousands, powers of ten, percentages, fractions,
/// mixed numbers, roots, powers, pi, e, factorials, sin, cos, tan, ln, exp, |x|, degrees, variables of one letter, `x =` in
/// front, units, `\boxed{}`, tuples, intervals, unions, sets, lists, inequalities.
///
/// Whole numbers, decimals and fractions are compared exactly, a decimal and a fraction without end to `mathTolerance`, and so
/// is everything else; expressions with variables by their values at fixed points. A percentage equals a plain number that is
/// either its figure or its value (50% is 50 or 0.5). Two known units must agree after conversion, and words that are none
/// must have one in common; a unit on one side only says nothing. A bare list equals a set of its elements. What is not
/// understood is compared as text without case and space.
///
/// Total and linear in the length of its arguments; no answer makes it fail. Answers of more than 512 tokens or 4096 bytes are
/// compared as text or, if they are plain numerals, digit by digit.
package func equalAsMathematics(_ answer: String, _ solution: String) -> Bool {
  equalAsMathematics(UTF8Text(answer.utf8), UTF8Text(solution.utf8))
}

func equalAsMathematics(_ answer: UTF8Text, _ solution: UTF8Text) -> Bool {
  let (left, right) = (mathematicalPart(of: answer), mathematicalPart(of: solution))
  let (leftText, rightText) = (comparableText(left), comparableText(right))
  if leftText.isEmpty || rightText.isEmpty { return false }
  if leftText == rightText { return left == right || !differInUnitsAlone(left, right) }
  if let a = Numeral(leftText), let b = Numeral(rightText) { return a == b }
  for grouping in [true, false] {
    if let b = MathParser.parse(right, groupingThousands: grouping),
      let a = MathParser.parse(left, groupingThousands: grouping), same(a, b)
    {
      return true
    }
    if !left.contains(UInt8(ascii: ",")), !right.contains(UInt8(ascii: ",")) { break }
  }
  return false
}

/// `5 mW` and `5 MW`: the same but for case, and both units are known.
private func differInUnitsAlone(_ left: UTF8Text, _ right: UTF8Text) -> Bool {
  guard left.contains(where: isDigit), case .measured(_, let a)? = MathParser.parse(left, groupingThousands: true),
    case .measured(_, let b)? = MathParser.parse(right, groupingThousands: true)
  else { return false }
  return a.isKnown && b.isKnown && a != b
}

private func same(_ a: MathTree, _ b: MathTree) -> Bool {
  switch (a, b) {
  case (.list(let left, let xs), .list(let right, let ys)):
    guard xs.count == ys.count else { return false }
    let bare = MathTree.Grouping.ordered(open: nil, close: ",")
    if left == .unordered && (right == .unordered || right == bare) || left == bare && right == .unordered {
      return sameUnordered(xs, ys)
    }
    return left == right && zip(xs, ys).allSatisfy(same)
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
      guard leftUnit.isComparable(with: rightUnit) else { return false }
      if leftUnit.isKnown, rightUnit.isKnown {
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
  if case .fraction = a, case .fraction = b, a == b || a.isDecimal == b.isDecimal { return a == b }
  let (x, y) = (a.double, b.double)
  return abs(x - y) <= mathTolerance * max(abs(x), abs(y))
}
