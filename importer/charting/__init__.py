"""Charts, and all use of matplotlib: what is to be shown goes in as panels, SVG or PNG comes out."""
