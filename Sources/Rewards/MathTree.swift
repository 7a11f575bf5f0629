internal import Foundation

/// What an answer says as mathematics.
indirect enum MathTree: Sendable, Equatable {
  enum Grouping: Sendable, Equatable {
    /// Order counts, and so do the brackets around it: tuples, points, intervals, bare lists, ratios.
    case ordered(open: Unicode.Scalar?, close: Unicode.Scalar)
    /// Order does not count: sets, unions, `1 or 2`, both signs.
    case unordered
  }

  enum Function: String, Sendable, CaseIterable {
    case sin, cos, tan, ln, exp, abs
  }

  case number(ExactNumber)
  case variable(Unicode.Scalar)
  case infinity
  case negation(MathTree)
  case sum(MathTree, MathTree)
  case product(MathTree, MathTree)
  case quotient(MathTree, MathTree)
  case power(MathTree, MathTree)
  case root(degree: Int, MathTree)
  case factorial(MathTree)
  case applied(Function, MathTree)
  case percent(MathTree)
  case measured(MathTree, MeasuringUnit)
  case list(Grouping, [MathTree])

  var isList: Bool {
    if case .list = self { true } else { false }
  }

  var hasVariable: Bool {
    switch self {
    case .number, .infinity: false
    case .variable: true
    case .negation(let a), .root(_, let a), .factorial(let a), .applied(_, let a), .percent(let a), .measured(let a, _):
      a.hasVariable
    case .sum(let a, let b), .product(let a, let b), .quotient(let a, let b), .power(let a, let b):
      a.hasVariable || b.hasVariable
    case .list(_, let elements): elements.contains { $0.hasVariable }
    }
  }

  /// The value of a scalar, where a variable has the value that `variables` gives it.
  ///
  /// - Returns: `nil` where there is none: a list, an infinity, a division by 0, a result that is not finite.
  func value(_ variables: (Unicode.Scalar) -> Double) -> ExactNumber? {
    switch self {
    case .number(let number): return number
    case .variable(let name): return .approximate(variables(name))
    case .infinity, .list: return nil
    case .negation(let a): return a.value(variables).map { $0 * .fraction(-1, 1) }
    case .sum(let a, let b): return combine(a, b, variables) { $0 + $1 }
    case .product(let a, let b): return combine(a, b, variables) { $0 * $1 }
    case .quotient(let a, let b): return combine(a, b, variables) { x, y in y.reciprocal.map { x * $0 } }
    case .power(let a, let b): return combine(a, b, variables) { $0.power($1) }
    case .root(let degree, let a): return a.value(variables)?.root(degree)
    case .factorial(let a):
      guard case .fraction(let n, 1)? = a.value(variables), 0...170 ~= n else { return nil }
      return (0..<n).reduce(ExactNumber.fraction(1, 1)) { $0 * .fraction($1 + 1, 1) }
    case .applied(.abs, let a): return a.value(variables).map { $0.double < 0 ? $0 * .fraction(-1, 1) : $0 }
    case .applied(let function, let a): return a.value(variables).flatMap { apply(function, $0.double) }
    case .percent(let a): return a.value(variables)
    case .measured(let a, _): return a.value(variables)
    }
  }

  private func combine(
    _ a: MathTree, _ b: MathTree, _ variables: (Unicode.Scalar) -> Double,
    _ operation: (ExactNumber, ExactNumber) -> ExactNumber?
  ) -> ExactNumber? {
    guard let left = a.value(variables), let right = b.value(variables) else { return nil }
    guard let result = operation(left, right), result.double.isFinite else { return nil }
    return result
  }

  private func apply(_ function: Function, _ argument: Double) -> ExactNumber? {
    switch function {
    case .sin: periodic(Foundation.sin(argument), argument)
    case .cos: periodic(Foundation.cos(argument), argument)
    case .tan: periodic(Foundation.tan(argument), argument)
    case .ln: argument > 0 ? ExactNumber.finite(Foundation.log(argument)) : nil
    case .abs: ExactNumber.finite(Swift.abs(argument))
    case .exp: ExactNumber.finite(Foundation.exp(argument))
    }
  }

  /// 0 where there is only what the rounding of the argument leaves, as in the sine of pi.
  private func periodic(_ value: Double, _ argument: Double) -> ExactNumber? {
    abs(value) <= 1e-15 * max(1, abs(argument)) ? .fraction(0, 1) : ExactNumber.finite(value)
  }
}
