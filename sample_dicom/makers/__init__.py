"""Studies made from phantoms and objects: one file per study, each yields its datasets one by one."""
