"""The documentation site: Sphinx, reading Markdown. ``make docs`` builds it with warnings as errors."""

project = "gridfold"
author = "The gridfold developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4  # links such as results.md#ties
exclude_patterns = ["images"]

autodoc_typehints = "description"
autodoc_member_order = "bysource"
# Of the extra "text", so that the site needs none of it.
autodoc_mock_imports = [
    "matplotlib",
    "numpy",
    "pandas",
    "safetensors",
    "sklearn",
    "tokenizers",
    "torch",
    "transformers",
]
napoleon_numpy_docstring = False

html_theme = "furo"  # no web fonts, nothing from a CDN
html_title = "gridfold"
html_show_sourcelink = False
html_copy_source = False
