"""From files to documents: finding them, knowing their format, reading them in a process of their own."""
