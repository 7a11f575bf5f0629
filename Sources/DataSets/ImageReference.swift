internal import Foundation

/// An image that a data row names: what the row says, and the file it means.
package struct ImageReference: Sendable, Hashable {
  /// As the row has it.
  package let name: String
  /// The file to open, with symbolic links resolved if it was looked up.
  package let path: String

  package init(name: String, path: String) {
    self.name = name
    self.path = path
  }
}

/// Where the images of a data file may lie.
package enum ImagePlaces: Sendable, Hashable {
  /// In the folder given or below it: no absolute name, no `..`, no link that leads out. For data files, which may come from
  /// anywhere.
  case within(folder: String)
  /// Wherever the rows say, relative to the folder given. For rows that the user types.
  case anywhere(relativeTo: String)
}

extension ImageReference {
  /// Resolves the name that a row gives an image.
  ///
  /// - Parameter lookingUp: whether the file must be there. The rule on links can only be enforced if it is.
  /// - Returns: `nil` and what is wrong with the name, or the reference.
  static func resolve(_ name: String, in places: ImagePlaces, lookingUp: Bool) -> (ImageReference?, wrong: String) {
    guard !name.isEmpty else { return (nil, "it is empty") }
    guard !name.utf8.contains(0) else { return (nil, "it has a NUL character") }
    guard name.utf8.count <= 4096 else { return (nil, "it is longer than 4096 bytes") }
    switch places {
    case .anywhere(let folder):
      let path = name.hasPrefix("/") ? name : folder + "/" + name
      guard lookingUp else { return (ImageReference(name: name, path: path), "") }
      guard let real = realPath(path) else { return (nil, "there is no file \(path)") }
      return (ImageReference(name: name, path: real), "")
    case .within(let folder):
      guard !name.hasPrefix("/") else { return (nil, "it is absolute") }
      guard !name.split(separator: "/").contains("..") else { return (nil, "it contains ..") }
      let path = folder + "/" + name
      guard lookingUp else { return (ImageReference(name: name, path: path), "") }
      guard let real = realPath(path), let root = realPath(folder) else { return (nil, "there is no file \(path)") }
      guard real.hasPrefix(root == "/" ? root : root + "/") else { return (nil, "it is a link that leads out of \(folder)") }
      return (ImageReference(name: name, path: real), "")
    }
  }

  private static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
