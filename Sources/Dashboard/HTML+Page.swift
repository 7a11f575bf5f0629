extension HTML {
  /// A whole page that needs nothing else: nothing is loaded, from a network or from beside it.
  ///
  /// - Parameters:
  ///   - css: besides the report's.
  ///   - script: runs on the page; without one no script and no picture is let in, whatever the content says.
  ///   - content: of `<main>`.
  package static func page(title: String, css: HTML = .empty, script: HTML? = nil, _ content: HTML) -> HTML {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \(script == nil ? "" : pictures)style-src 'unsafe-inline'\
    \(script == nil ? "" : scripts)">
    <title>\(title)</title>
    <style>\(ReportStyle.css)\(css)</style>
    </head>
    <body>
    <main>
    \(content)
    </main>
    \(script.map { "<script>\($0)</script>\n" } ?? .empty)</body>
    </html>

    """
  }

  private static let pictures: HTML = "img-src data:; "
  private static let scripts: HTML = "; script-src 'unsafe-inline'"
}
