"""The commands of `filmless`, a file for each group of related ones."""
