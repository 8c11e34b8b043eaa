"""What the commands for tables can be asked, checked before torch is loaded."""
