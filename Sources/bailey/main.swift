print("bailey")
