"""Every row's and every point's fate, adding up, always."""
