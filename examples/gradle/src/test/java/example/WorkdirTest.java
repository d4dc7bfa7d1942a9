package example;

import static org.junit.Assert.assertEquals;

import org.junit.Test;

public class WorkdirTest {

    @Test
    public void workdir() {
        assertEquals("/srv", AppImage.run("pwd"));
    }
}
