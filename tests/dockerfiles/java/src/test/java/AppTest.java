src/test/java/AppTest.java
