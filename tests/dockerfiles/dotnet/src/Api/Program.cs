src/Api/Program.cs
