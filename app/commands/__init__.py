"""The commands of the `eventroles` program, one file each."""
