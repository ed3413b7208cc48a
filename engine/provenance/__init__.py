"""What pictures say of themselves: recipe, signature, invisible mark; written and read. Knows no people."""
