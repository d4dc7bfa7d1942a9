src/Core/Thing.cs
