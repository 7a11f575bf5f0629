extension HTML {
  /// A whole page that needs nothing else: nothing is loaded, from a network or from beside it, and no script runs.
  ///
  /// - Parameters:
  ///   - css: besides the report's.
  ///   - content: of `<main>`.
  package static func page(title: String, css: HTML, _ content: HTML) -> HTML {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
    <title>\(title)</title>
    <style>\(ReportStyle.css)\(css)</style>
    </head>
    <body>
    <main>
    \(content)
    </main>
    </body>
    </html>

    """
  }
}
