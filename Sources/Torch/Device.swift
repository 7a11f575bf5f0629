/// Where a tensor lives.
package enum Device: Sendable, Hashable, CustomStringConvertible {
  case cpu
  /// The CUDA device of that index.
  case cuda(Int)

  /// `cpu`, `cuda` (the first) or `cuda:N`.
  package init(_ name: String) throws(TorchError) {
    switch name.split(separator: ":", omittingEmptySubsequences: false).map(String.init) {
    case ["cpu"]: self = .cpu
    case ["cuda"]: self = .cuda(0)
    case let parts where parts.count == 2 && parts[0] == "cuda":
      guard parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let index = Int(parts[1]), index < 128 else { fallthrough }
      self = .cuda(index)
    default:
      throw TorchError(
        code: "torch.device", message: "\"\(name)\" is no device", advice: "use cpu, cuda or cuda:N")
    }
  }

  package var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(let index): "cuda:\(index)"
    }
  }

  /// -1 for the processor, else the CUDA index, as the shim counts.
  var index: CInt {
    switch self {
    case .cpu: -1
    case .cuda(let index): CInt(index)
    }
  }

  init(index: CInt) {
    self = index < 0 ? .cpu : .cuda(Int(index))
  }
}
